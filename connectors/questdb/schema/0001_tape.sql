-- The tape: everything that happened on a market, in the order (timestamp, seq) of its session.
-- Ids are VARCHAR or LONG, never SYMBOL: a symbol dictionary is for what repeats.

CREATE TABLE IF NOT EXISTS tick_prices (
    timestamp TIMESTAMP,
    session_id SYMBOL,
    symbol SYMBOL,
    seq LONG,
    price DOUBLE,            -- quote per base coin
    volume DOUBLE,           -- base coins
    quote_volume DOUBLE,
    side BYTE,               -- of the taker: 1 buy, -1 sell, 0 unknown
    trade_id LONG,
    exchange_ts TIMESTAMP,
    received_ts TIMESTAMP,
    late BOOLEAN
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, session_id, symbol, seq);

CREATE TABLE IF NOT EXISTS tick_orderbook (
    timestamp TIMESTAMP,
    session_id SYMBOL,
    symbol SYMBOL,
    seq LONG,
    bids DOUBLE[][],         -- row 1 prices, row 2 base quantities, best first
    asks DOUBLE[][],
    version LONG,
    exchange_ts TIMESTAMP,
    received_ts TIMESTAMP
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, session_id, symbol, seq);

CREATE TABLE IF NOT EXISTS tape_events (
    timestamp TIMESTAMP,
    session_id SYMBOL,
    symbol SYMBOL,
    seq LONG,
    kind SYMBOL,
    payload VARCHAR
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, session_id, symbol, seq);

CREATE TABLE IF NOT EXISTS funding_rates (
    timestamp TIMESTAMP,
    session_id SYMBOL,
    symbol SYMBOL,
    seq LONG,
    rate DOUBLE,
    next_settle_ts TIMESTAMP,
    settled BOOLEAN
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, session_id, symbol, seq);

CREATE TABLE IF NOT EXISTS mark_prices (
    timestamp TIMESTAMP,
    session_id SYMBOL,
    symbol SYMBOL,
    seq LONG,
    fair DOUBLE,
    index DOUBLE
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, session_id, symbol, seq);

CREATE TABLE IF NOT EXISTS contracts (
    timestamp TIMESTAMP,
    exchange SYMBOL,
    symbol SYMBOL,
    contract_size DOUBLE,
    price_unit DOUBLE,
    vol_unit DOUBLE,
    min_vol DOUBLE,
    max_vol DOUBLE,
    limit_max_vol DOUBLE,
    market_order_max_level LONG,
    price_band DOUBLE,
    max_leverage DOUBLE,
    tiers VARCHAR,
    tier_type SYMBOL,
    liquidation_fee_rate DOUBLE,
    funding_interval_hours DOUBLE,
    api_allowed BOOLEAN,
    state SYMBOL,
    maker_fee_rate DOUBLE,
    taker_fee_rate DOUBLE
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, exchange, symbol);

CREATE TABLE IF NOT EXISTS data_gaps (
    timestamp TIMESTAMP,
    session_id SYMBOL,
    symbol SYMBOL,
    stream SYMBOL,
    end_ts TIMESTAMP,
    cause VARCHAR,
    recovered LONG,
    lost_estimate LONG
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, session_id, symbol, stream);

CREATE TABLE IF NOT EXISTS dead_letters (
    timestamp TIMESTAMP,
    session_id SYMBOL,
    stream SYMBOL,
    source VARCHAR,
    line LONG,
    raw_hash LONG,
    reason VARCHAR,
    raw VARCHAR
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, session_id, stream, source, line, raw_hash);
