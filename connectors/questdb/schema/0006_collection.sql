-- What a collector counts, once a minute and at its end: per symbol, and for the session as a whole.

CREATE TABLE IF NOT EXISTS collection_counters (
    timestamp TIMESTAMP,
    session_id SYMBOL,
    symbol SYMBOL,
    trades LONG,             -- counts since the row before
    books LONG,
    duplicates LONG,         -- trades that had been received before
    late LONG,               -- trades stored with their true time, not emitted
    malformed LONG,
    dropped LONG,            -- trades and books that found the queue full
    resyncs LONG,            -- books that were made again from a snapshot
    crossed LONG,            -- of these, because bid and ask had crossed
    contrary_sides LONG      -- trades whose taker side contradicts the book they met
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, session_id, symbol);

CREATE TABLE IF NOT EXISTS connection_health (
    timestamp TIMESTAMP,
    session_id SYMBOL,
    frames LONG,             -- counts since the row before
    bytes LONG,
    malformed LONG,          -- frames that belong to no symbol
    disconnects LONG,
    clock_offset_ms DOUBLE   -- exchange minus local clock
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, session_id);
