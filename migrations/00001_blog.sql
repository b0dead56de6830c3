-- +goose Up

-- One row: the version of everything published. Each publication raises it in
-- its own transaction, and each copy of anything carries the version it was
-- read at, so that an older copy can never replace a newer one.
create table site (
    one     boolean primary key default true check (one),
    version bigint  not null default 0, -- 0: nothing has been published yet
    shipped boolean not null default false -- the articles in the binary, rather than someone's own
);
insert into site default values;

create table posts (
    slug      text primary key,
    title     text not null,
    summary   text not null,
    tags      text[] not null,
    published timestamptz not null,
    updated   timestamptz not null,
    html      text not null, -- rendered when published: reading does no work twice
    body      text not null, -- plain text, for search and recommendations
    toc       jsonb not null,
    minutes   integer not null,
    hash      text not null, -- of the source: publishing it again changes nothing
    version   bigint not null, -- the site's version when this article last changed
    withdrawn boolean not null default false, -- a tombstone: caches and snapshots must learn of it too
    search    tsvector generated always as (
        setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', body), 'B')
    ) stored
);
create index posts_by_date on posts (published desc, slug desc) where not withdrawn;
create index posts_by_tag on posts using gin (tags) where not withdrawn;
create index posts_search on posts using gin (search);
create index posts_by_version on posts (version);

create table comments (
    id      bigint generated always as identity primary key,
    slug    text not null references posts (slug),
    author  text not null,
    body    text not null, -- as written
    html    text not null, -- rendered and sanitised
    key     text not null unique, -- idempotency key: a retried POST finds its own row
    hash    text not null, -- of slug, author and body: the same key with other content is refused
    created timestamptz not null default now(),
    hidden  timestamptz
);
create index comments_of_post on comments (slug, id) where hidden is null;

-- +goose Down
drop table comments;
drop table posts;
drop table site;
