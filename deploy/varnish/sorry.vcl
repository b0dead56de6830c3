# What the edge says itself, where it has neither a server nor a copy to give. The page needs nothing else: no style
# sheet, no font, no script.
sub vcl_synth {
    set resp.http.X-Edge = server.identity;
    set resp.http.Cache-Control = "no-store";
    unset resp.http.X-Varnish;
    if (resp.status != 503) {
        set resp.http.Content-Type = "text/plain; charset=utf-8";
        synthetic(resp.reason + {"
"});
        return (deliver);
    }
    set resp.http.Retry-After = "5"; # seconds: a failed part of the fleet is replaced in less
    set resp.http.Content-Type = "text/html; charset=utf-8";
    synthetic({"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>No server answers · Afloat</title>
<style>
:root { color-scheme: light dark }
body { margin: 15vh auto 0; max-width: 36rem; padding: 0 1.25rem; font: 1.125rem/1.6 Georgia, serif }
p:first-child { font: bold 1.25rem/1 system-ui, sans-serif; border-bottom: .2rem solid #0b5876; padding-bottom: .6rem }
</style>
<p>Afloat</p>
<h1>No server answers</h1>
<p>This is the edge of the blog. None of its servers can be reached at the moment, and the edge holds no copy of this
page. Pages that were read lately still open. If you have sent something, go back and send it again: nothing is written
twice.</p>
<p>Reloading in a few seconds may help.</p>
"});
    return (deliver);
}
