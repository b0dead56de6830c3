package store

import "github.com/redis/go-redis/v9"

// The keys of the outbox. None expires while a comment waits, and the stream
// has no greatest length: a full Redis refuses, it doesn't forget.
const (
	outboxStream = "afloat:outbox"       // one entry a comment
	outboxSlugs  = "afloat:outbox:slugs" // hash: article → how many wait
	outboxDisks  = "afloat:outbox:disks" // hash: entry → on how many disks it was when accepted
)

// claimKey holds who has an idempotency key: the content's hash, the entry,
// and the comment's id once there is one. Then it expires.
func claimKey(key string) string { return "afloat:outbox:key:" + key }

// writtenKey holds the id of the comment that an entry has become. It expires.
func writtenKey(entry string) string { return "afloat:outbox:written:" + entry }

// acceptScript claims the key and adds the entry, both or neither. Where the
// entry is there already it counts the question: that is a write, so that
// WAITAOF, which waits for the last write of its connection, waits for all
// before it too.
var acceptScript = redis.NewScript(`
local hash, entry, id = unpack(redis.call('HMGET', KEYS[3], 'hash', 'entry', 'id'))
if hash then
  if hash ~= ARGV[1] then return {'reused', '', ''} end
  redis.call('HINCRBY', KEYS[3], 'asked', 1)
  return {id and 'written' or 'waiting', entry, id or ''}
end
entry = redis.call('XADD', KEYS[1], '*', 'slug', ARGV[2], 'author', ARGV[3], 'body', ARGV[4], 'html', ARGV[5], 'key', ARGV[6], 'hash', ARGV[1])
redis.call('HINCRBY', KEYS[2], ARGV[2], 1)
redis.call('HSET', KEYS[3], 'hash', ARGV[1], 'entry', entry)
return {'waiting', entry, ''}`)

// noteDisksScript notes on how many disks an entry is, unless it is gone.
var noteDisksScript = redis.NewScript(`
if #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 0 then return 0 end
return redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])`)

// settleScript removes entries that are written: entry, key, article and id of
// each. Two servers may do it for one entry, and only the first counts. It
// deletes first, since a full Redis lets no script begin with a write that
// needs room.
var settleScript = redis.NewScript(`
for i = 4, #ARGV, 4 do
  local entry, key, slug, id = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  if redis.call('XDEL', KEYS[1], entry) == 1 then
    redis.call('HDEL', KEYS[3], entry)
    if redis.call('HINCRBY', KEYS[2], slug, -1) <= 0 then redis.call('HDEL', KEYS[2], slug) end
  end
  local claim = ARGV[2] .. key
  if redis.call('HGET', claim, 'entry') == entry then
    redis.call('HSET', claim, 'id', id)
    redis.call('PEXPIRE', claim, ARGV[1])
  end
  redis.call('SET', ARGV[3] .. entry, id, 'PX', ARGV[1])
end
return 1`)
