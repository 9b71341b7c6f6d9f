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

from dustdevil import homes, lazy_names

HOMES = homes(
    application="Application plain_page",
    messages="HTTPError Request Response html local_path redirect to_response",
    multipart="FormError MultipartParser Part",
    forms="Form FormSettings Upload Values",
    cookies="SignedCookies",
    sessions="SafeHTML Session Sessions Xsrf check_site is_token xsrf_field xsrf_token",
    templates="Templates",
    static="StaticFiles to_folder",
    middleware="AccessLog Gzip",
    etags="ETags",
    cors="Cors",
    events="EventStream ServerSentEvent Topic last_number",
    monitor="Monitor",
)

__all__ = sorted(HOMES)
__getattr__ = lazy_names(__name__, HOMES)
