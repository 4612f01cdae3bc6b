import bighead as bh
x = bh.EventSource("crlf",
    time="a"
    " b")
