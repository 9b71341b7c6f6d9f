"""The web layer: what an application wants to be spared.

Routes say which function answers; a request knows its path, its cookies and its form; a
response is what the function returns. Around them stand the things that every site
needs and that are easily done wrong: files that stay inside their folder, cookies that
nobody else can make, forms with limits, pages that are told when something happens.

application    routes, what they answer, and what is answered when they fail
messages       Request, Response, HTTPError
multipart      multipart/form-data without I/O; forms: fields and files within limits
cookies        signed ones; sessions: what is remembered of a client, and Xsrf
templates      Jinja2's; static: files from a folder
middleware     Gzip, AccessLog; etags: what a client has is not sent; cors: pages of
               other origins
events         topics, long polling, server-sent events
monitor        /metrics
"""

from dustdevil import lazy_names

HOMES = {
    "AccessLog": "middleware",
    "Application": "application",
    "Cors": "cors",
    "ETags": "etags",
    "EventStream": "events",
    "Form": "forms",
    "FormError": "multipart",
    "FormSettings": "forms",
    "Gzip": "middleware",
    "HTTPError": "messages",
    "Monitor": "monitor",
    "MultipartParser": "multipart",
    "Part": "multipart",
    "Request": "messages",
    "Response": "messages",
    "SafeHTML": "sessions",
    "ServerSentEvent": "events",
    "Session": "sessions",
    "Sessions": "sessions",
    "SignedCookies": "cookies",
    "StaticFiles": "static",
    "Templates": "templates",
    "Topic": "events",
    "Upload": "forms",
    "Values": "forms",
    "Xsrf": "sessions",
    "check_site": "sessions",
    "html": "messages",
    "is_token": "sessions",
    "last_number": "events",
    "local_path": "messages",
    "plain_page": "application",
    "redirect": "messages",
    "to_folder": "static",
    "to_response": "messages",
    "xsrf_field": "sessions",
    "xsrf_token": "sessions",
}

__all__ = sorted(HOMES)
__getattr__ = lazy_names(__name__, HOMES)
