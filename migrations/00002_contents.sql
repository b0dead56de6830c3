-- +goose Up

-- What the blog consists of, in numbers. Counting 100,000 articles takes a
-- tenth of a second, so it is done when they are published: reading does no
-- work twice.
create view contents as select
    (select count(*) from posts where not withdrawn) as total,
    (select coalesce(jsonb_agg(to_jsonb(y)), '[]') from (
        select extract(year from published at time zone 'UTC')::int as year, count(*) as n
        from posts where not withdrawn group by 1 order by 1 desc) y) as years,
    (select coalesce(jsonb_agg(to_jsonb(t)), '[]') from (
        select tag, count(*) as n from posts, unnest(tags) tag
        where not withdrawn group by 1 order by 2 desc, tag collate "C" limit 200) t) as tags;

alter table site add column contents jsonb;
update site set contents = (select to_jsonb(c) from contents c);

-- +goose Down
alter table site drop column contents;
drop view contents;
