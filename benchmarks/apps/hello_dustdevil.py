"""The measured response: through Application, route and an `async def` handler."""

from dustdevil import Application

app = Application()


@app.get("/")
async def hello(request):
    return "Hello, world!"
