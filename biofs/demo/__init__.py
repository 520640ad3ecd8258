"""An embedded catalogue that answers like the real server: for a first look, tests and benchmarks.

`server` is an ASGI application, on a socket or behind an httpx client of the same process. It asks
`actions` for answers, and these a `source`: the catalogue written by hand in `written`, or one of
any size from `generator`. `contents` is what the files of small torrents hold, and `data` puts it
on the disk. It needs the extra `biofs[demo]`.
"""
