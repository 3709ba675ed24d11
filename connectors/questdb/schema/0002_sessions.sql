-- Sessions of every mode, what they report while they run, and the commands they get.

CREATE TABLE IF NOT EXISTS data_collection_sessions (
    changed_at TIMESTAMP,
    session_id SYMBOL,
    version LONG,
    mode SYMBOL,
    status SYMBOL,
    symbols VARCHAR,
    data_types VARCHAR,
    config VARCHAR,
    start_time TIMESTAMP,
    end_time TIMESTAMP,
    tape_from TIMESTAMP,
    tape_to TIMESTAMP,
    records_collected LONG,
    prices_count LONG,
    orderbook_count LONG,
    gaps LONG,
    errors_count LONG,
    source_session_id SYMBOL,
    program_version VARCHAR,
    strategy_hashes VARCHAR,
    accounts_hash VARCHAR,
    result_hash VARCHAR,
    cause VARCHAR,
    error VARCHAR
) TIMESTAMP(changed_at) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(changed_at, session_id, version);

CREATE TABLE IF NOT EXISTS session_progress (
    timestamp TIMESTAMP,
    session_id SYMBOL,
    tape_time TIMESTAMP,
    records LONG,
    rate DOUBLE,
    lag_ms DOUBLE,
    signals LONG,
    orders LONG,
    equity DOUBLE,
    pid LONG,
    host SYMBOL,
    heartbeat TIMESTAMP
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, session_id);

CREATE TABLE IF NOT EXISTS commands (
    timestamp TIMESTAMP,
    command_id VARCHAR,
    session_id SYMBOL,
    kind SYMBOL,
    payload VARCHAR,
    issued_by VARCHAR
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, command_id);

CREATE TABLE IF NOT EXISTS command_results (
    timestamp TIMESTAMP,
    command_id VARCHAR,
    session_id SYMBOL,
    kind SYMBOL,
    outcome SYMBOL,
    message VARCHAR
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, command_id);
