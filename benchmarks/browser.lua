-- Requests with thirteen headers, as a browser sends them, whose values change from
-- one request to the next: no cache of parsed heads can win here.

local count = 0
local line = table.concat({
  "GET / HTTP/1.1",
  "Host: 127.0.0.1",
  "Connection: keep-alive",
  "Cache-Control: max-age=0",
  'sec-ch-ua: "Chromium";v="%d", "Not A(Brand";v="24"',
  "sec-ch-ua-mobile: ?0",
  'sec-ch-ua-platform: "Linux"',
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0 Safari/537.36",
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.%d",
  "Referer: http://127.0.0.1/page/%d",
  "Accept-Encoding: gzip, deflate, br",
  "Accept-Language: en-GB,en;q=0.9,de;q=0.%d",
  "Cookie: session=%08x%08x; theme=dark; seen=%d",
  'If-None-Match: "%08x"',
  "", "",
}, "\r\n")

function request()
  count = count + 1
  return string.format(line, count, count, count % 10, count, count % 9,
    count * 7, count * 13, count, count * 31)
end
