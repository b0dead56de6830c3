-- +goose Up

-- Whoever writes a comment, hides one or shows one again, every server hears of
-- it when it is committed: copies of the article's page are to be made anew.
-- +goose StatementBegin
create or replace function tell_of_comment() returns trigger language plpgsql as $$
begin
    perform pg_notify('afloat', 'comments ' || new.slug);
    return null;
end $$;
-- +goose StatementEnd
create trigger comments_heard after insert or update of hidden on comments
    for each row execute function tell_of_comment();

-- +goose Down
drop trigger comments_heard on comments;
drop function tell_of_comment();
