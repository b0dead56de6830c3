# The edge: what a CDN does for a blog, in one file. It expects the backends balancer1 and balancer2, the ACL servers and
# the site's address from whoever includes it, and its own name from varnishd's -i.
#
# In order of what a reader meets:
#   1. A copy that is fresh, or past that by no more than the page's stale-while-revalidate, is served at once, and
#      refreshed behind the reader.
#   2. An older copy is kept for the page's stale-if-error. The servers are asked first; if they have nothing complete
#      to say (no answer, a 5xx, a degraded page) the older copy is served instead, and stays. For the next second they
#      are not asked again: in an outage every page is degraded, and if each reader asked, the edge would send the
#      servers its whole load when they can bear it least.
#   3. With no balancer left, nobody is asked.
#   4. With no copy either, the reader gets a 503 that says so.
# A purge of a page makes its copy one of 2 at once, and lets a degraded page that is newer be preferred to it; that page
# is everybody's for a second.
#
# That the servers were asked in vain is itself an object, beside the copy: a mark, which varies on X-Note-Mark. A request
# that has this header finds the mark, one without it looks past it.
vcl 4.1;

import directors;
import purge;
import std;

# Each edge has a balancer that it asks first, and a retry asks the other one. A director skips what its probe calls sick.
sub vcl_init {
    new first = directors.fallback();
    new second = directors.fallback();
    if (server.identity == "edge2") {
        first.add_backend(balancer2);
        first.add_backend(balancer1);
        second.add_backend(balancer1);
        second.add_backend(balancer2);
    } else {
        first.add_backend(balancer1);
        first.add_backend(balancer2);
        second.add_backend(balancer2);
        second.add_backend(balancer1);
    }
}

sub vcl_recv {
    set req.backend_hint = first.backend();

    if (req.restarts == 0) {
        # These are the edge's own notes; nobody else may write them.
        unset req.http.X-Note-Copy;
        unset req.http.X-Note-Cache;
        unset req.http.X-Note-XRay;
        unset req.http.X-Note-Host;
        set req.http.X-Note-Mark = "see";
        unset req.http.X-Edge;
        unset req.http.X-Edge-Cache;
    }

    if (req.url == "/edge/health") { # it lives, and has its copies
        return (synth(200, "OK"));
    }
    if (req.url == "/edge/ready") { # it has somebody to ask as well
        if (std.healthy(req.backend_hint)) {
            return (synth(200, "OK"));
        }
        return (synth(503, "No balancer"));
    }
    if (req.method == "PURGE") {
        if (client.ip !~ servers) {
            return (synth(405, "Only the servers purge"));
        }
        if (req.http.Cache-Tag) {
            call purge_by_tag;
        }
        call name_site;
        set req.hash_ignore_busy = true;
        return (hash); # to vcl_hit or vcl_miss, where the copies are
    }

    # The lab is about this moment. Its stream of events lasts for as long as the page is open, so it is a pipe.
    if (req.url ~ "^/lab/events(\?|$)") {
        return (pipe);
    }
    if (req.method != "GET" && req.method != "HEAD") {
        # A comment carries an idempotency key, so asking the other balancer is safe; for that its text is kept.
        if (req.url ~ "^/posts/[^/]+/comments$" && std.integer(req.http.Content-Length, 0) <= 65536) {
            std.cache_req_body(64KB);
        }
        return (pass);
    }
    if (req.url ~ "^/(lab|search|livez|readyz|metrics)([/?]|$)" || req.url ~ "^/posts/[^/]+/comment([/?]|$)") {
        return (pass);
    }

    # An X-ray is made for its reader. But first the edge looks what it would have answered, and tells the server.
    if (req.url ~ "[?&]xray=1(&|$)" && !req.http.X-Note-XRay) {
        set req.http.X-Note-XRay = req.url;
        set req.http.X-Note-Host = req.http.Host;
        set req.url = regsub(regsub(req.url, "([?&])xray=1(&|$)", "\1"), "[?&]$", "");
    } elsif (req.url ~ "\?" && req.url !~ "\?page=[0-9]+$") {
        return (pass); # any other query is one reader's question, or nobody's: it must not fill the cache
    }

    # Pages are the same for all readers.
    unset req.http.Cookie;
    unset req.http.Authorization;
    call name_site;
    return (hash);
}

# What is published or withdrawn is removed. Tags are words with spaces between them. A ban's expression is split at plain
# spaces, so the pattern says \s; with a space it removes nothing and succeeds all the same. It looks at obj.* only: then
# the ban lurker can work it off.
sub purge_by_tag {
    if (req.http.Cache-Tag !~ "^[a-z0-9-]+( [a-z0-9-]+)*$") {
        return (synth(400, "A purge needs a Cache-Tag of words"));
    }
    if (!std.ban("obj.http.Cache-Tag ~ (^|\s)(" + regsuball(req.http.Cache-Tag, " ", "|") + ")(\s|$)")) {
        return (synth(400, "Nothing was purged: " + std.ban_error()));
    }
    return (synth(200, "Purged"));
}

# A page at an address has changed. Its copies are out of date, and stay as the last resort, for half as long. By that
# vcl_hit knows them.
sub purge_page {
    purge.soft(0s, 12h);
    return (synth(200, "Out of date"));
}

sub vcl_hit {
    if (req.method == "PURGE") {
        call purge_page;
    }
    if (obj.http.X-Note-Mark) {
        if (obj.ttl > 0s) {
            set req.http.X-Note-Copy = "take";
        }
        unset req.http.X-Note-Mark;
        return (restart);
    }
    set req.http.X-Note-Cache = "hit";
    if (obj.ttl <= 0s) {
        set req.http.X-Note-Cache = "stale";
    }
    if (!(obj.ttl <= 0s && obj.grace <= 12h) && obj.ttl + std.duration(obj.http.X-Note-Behind + "s", 0s) > 0s) {
        if (req.http.X-Note-XRay) {
            set req.http.X-Edge-Cache = "hit; age=" + regsub(obj.age, "\..*", "");
            call ask_for_xray;
        }
        return (deliver);
    }
    if (req.http.X-Note-XRay) {
        set req.http.X-Edge-Cache = "stale; age=" + regsub(obj.age, "\..*", "");
        call ask_for_xray;
    }
    if (req.http.X-Note-Copy == "take" || !std.healthy(req.backend_hint)) {
        return (deliver);
    }
    # Older than that: ask, each reader for themselves. In a queue, one slow answer would hold up all behind it.
    set req.http.X-Note-Copy = "have";
    if (obj.grace <= 12h) {
        set req.http.X-Note-Copy = "purged";
    }
    set req.http.X-Note-Mark = "see";
    set req.hash_always_miss = true;
    return (restart);
}

sub vcl_miss {
    if (req.method == "PURGE") {
        call purge_page;
    }
    if (req.http.X-Note-XRay) {
        set req.http.X-Edge-Cache = "miss";
        call ask_for_xray;
    }
    if (req.http.X-Note-Copy == "take") {
        unset req.http.X-Note-Copy; # it was removed a moment ago
    }
    set req.http.X-Note-Cache = "miss";
}

sub vcl_pass {
    set req.http.X-Note-Cache = "pass";
}

sub ask_for_xray {
    unset req.http.X-Note-Copy; # it has served its purpose: no copy stands in for an X-ray
    set req.http.X-Edge = server.identity;
    set req.http.Host = req.http.X-Note-Host;
    set req.url = req.http.X-Note-XRay;
    return (restart);
}

sub vcl_pipe {
    set bereq.http.Connection = "close"; # or the reader's next request would go through the pipe too, unseen
}

sub vcl_backend_fetch {
    # A server that reads this sends the whole page, with everything in it, rather than one in pieces: only a whole
    # answer can be kept, and only a whole one can be asked for again when half of it was lost.
    set bereq.http.Surrogate-Capability = server.identity + {"="Surrogate/1.0""};
    if (bereq.is_bgfetch && bereq.http.X-Note-Copy == "take") {
        return (abandon); # Varnish would refresh the copy now, after somebody has just asked in vain
    }
    if (bereq.retries > 0) {
        set bereq.backend = second.backend();
    }
    if (bereq.http.X-Note-Copy) {
        # With an older copy to fall back on both balancers have to be through within the 1.4 s that a front waits, or the
        # reader gets neither, and the front asks the other edge for the same: balancers whose servers all hang, or have
        # just been started, answer nothing. A page takes 300 ms.
        set bereq.connect_timeout = 150ms;
        set bereq.first_byte_timeout = 400ms;
    }
    if (bereq.url ~ "^/lab") {
        set bereq.first_byte_timeout = 30s; # it answers some questions only when there is news, after 20 s at most
        set bereq.between_bytes_timeout = 30s;
    }
}

sub vcl_backend_response {
    set beresp.do_stream = bereq.url ~ "^/lab"; # all else is held until it is whole: a lost half is fetched again
    if (beresp.http.Content-Type ~ "xml|json|text" && !beresp.http.Content-Encoding) {
        set beresp.do_gzip = true;
    }
    if (bereq.uncacheable) { # passed
        return (deliver);
    }
    if (beresp.http.Cache-Control ~ "public") { # complete and healthy
        set beresp.http.X-Note-Behind = beresp.grace; # Varnish has read it from stale-while-revalidate
        set beresp.grace = 0s;
        if (beresp.http.Cache-Control ~ "stale-if-error=[0-9]+") {
            set beresp.grace = std.duration(regsub(beresp.http.Cache-Control, ".*stale-if-error=([0-9]+).*", "\1s"), 0s);
        }
        return (deliver);
    }
    # Degraded, failed or nobody else's. It must not take the place of a complete copy. 404 and the like are answers.
    if (bereq.is_bgfetch && (beresp.status == 200 || beresp.status >= 500)) {
        return (abandon);
    }
    if (bereq.http.X-Note-Copy) {
        if (beresp.status >= 500 || (beresp.status == 200 && bereq.http.X-Note-Copy == "have")) {
            call mark;
            return (deliver);
        }
        if (beresp.status == 200) { # newer than the purge
            call keep_for_a_second;
            return (deliver);
        }
    }
    # For a moment nobody waits for anybody else's fetch of this, since its answer can't be shared. The mark ends by
    # itself, and the first complete page takes its place.
    set beresp.uncacheable = true;
    set beresp.ttl = 1s;
    set beresp.grace = 0s;
    return (deliver);
}

sub mark {
    set beresp.http.X-Note-Mark = "in vain";
    set beresp.http.Vary = "X-Note-Mark";
    call keep_for_a_second;
}

# For one second more it is known as one that has ended: if it were gone at once, a reader could come between its end and
# its removal, and Varnish would show neither it nor the copy.
sub keep_for_a_second {
    set beresp.ttl = 1s;
    set beresp.grace = 1s;
}

# No answer. A 5xx is one: behind it the balancer has asked every server already, and asking again would only be load.
sub vcl_backend_error {
    if (bereq.retries == 0 && (bereq.method == "GET" || bereq.method == "HEAD" || bereq.url ~ "^/posts/[^/]+/comments$")) {
        return (retry);
    }
    if (bereq.http.X-Note-Copy) {
        call mark;
        return (deliver);
    }
    return (abandon); # to vcl_synth
}

sub vcl_deliver {
    if (resp.http.X-Note-Mark) {
        set req.http.X-Note-Copy = "take";
        unset req.http.X-Note-Mark;
        set req.hash_always_miss = false;
        return (restart);
    }
    set resp.http.X-Edge = server.identity;
    set resp.http.X-Cache = req.http.X-Note-Cache;
    set resp.http.X-Note-Status = server.identity + "; fwd=uri-miss";
    if (req.http.X-Note-Cache == "pass") {
        set resp.http.X-Note-Status = server.identity + "; fwd=bypass";
    } elsif (req.http.X-Note-Cache != "miss") {
        set resp.http.X-Note-Status = server.identity + "; hit; ttl=" + regsub(obj.ttl, "\..*", "");
        unset resp.http.Server-Timing; # of another reader's request
    } elsif (req.http.X-Note-Copy) {
        set resp.http.X-Note-Status = server.identity + "; fwd=stale";
    }
    # RFC 9211: who is nearest to the reader comes last.
    if (resp.http.Cache-Status) {
        set resp.http.Cache-Status = resp.http.Cache-Status + ", " + resp.http.X-Note-Status;
    } else {
        set resp.http.Cache-Status = resp.http.X-Note-Status;
    }
    unset resp.http.X-Note-Status;
    unset resp.http.X-Note-Behind;
    unset resp.http.Cache-Tag;
    unset resp.http.Via;
    unset resp.http.X-Varnish;
}

include "./sorry.vcl"; # vcl_synth
