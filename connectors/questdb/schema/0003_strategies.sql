-- What users define, versioned (the newest version of an id counts), and what indicators were computed for keeping.

CREATE TABLE IF NOT EXISTS indicators (
    timestamp TIMESTAMP,
    session_id SYMBOL,
    symbol SYMBOL,
    seq LONG,                -- NULL on grid instants
    indicator_id SYMBOL,
    value DOUBLE,
    confidence DOUBLE,       -- observed share of the window, 0 to 1
    metadata VARCHAR
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, session_id, symbol, seq, indicator_id);

CREATE TABLE IF NOT EXISTS indicator_variants (
    changed_at TIMESTAMP,
    id VARCHAR,
    version LONG,
    name VARCHAR,
    kind SYMBOL,
    category SYMBOL,
    parameters VARCHAR,
    description VARCHAR,
    created_by VARCHAR,
    is_deleted BOOLEAN
) TIMESTAMP(changed_at) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(changed_at, id, version);

CREATE TABLE IF NOT EXISTS strategies (
    changed_at TIMESTAMP,
    id VARCHAR,
    version LONG,
    name VARCHAR,
    description VARCHAR,
    direction SYMBOL,
    enabled BOOLEAN,
    strategy_json VARCHAR,
    hash VARCHAR,
    author VARCHAR,
    category SYMBOL,
    tags VARCHAR,
    template_id VARCHAR,
    last_activated_at TIMESTAMP,
    is_deleted BOOLEAN,
    deleted_at TIMESTAMP
) TIMESTAMP(changed_at) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(changed_at, id, version);
