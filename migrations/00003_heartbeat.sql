-- +goose Up

-- The leader's clock, as its replicas have it: while a server of the blog runs
-- it writes the time here about once a second. A replica on which it reads ten
-- seconds ago may be ten seconds behind, whether it is slow to follow or there
-- is no leader to follow.
create table heartbeat (
    one boolean primary key default true check (one),
    at  timestamptz not null
);
insert into heartbeat (at) values (clock_timestamp());

-- +goose Down
drop table heartbeat;
