-- Bars of every session, kept up to date by the server.

CREATE MATERIALIZED VIEW IF NOT EXISTS ohlcv_1s WITH BASE tick_prices REFRESH IMMEDIATE AS (
    SELECT timestamp, session_id, symbol, first(price) open, max(price) high, min(price) low, last(price) close,
           sum(volume) volume, sum(quote_volume) quote_volume, count() trades
    FROM tick_prices SAMPLE BY 1s
) PARTITION BY DAY;

CREATE MATERIALIZED VIEW IF NOT EXISTS ohlcv_1m WITH BASE tick_prices REFRESH IMMEDIATE AS (
    SELECT timestamp, session_id, symbol, first(price) open, max(price) high, min(price) low, last(price) close,
           sum(volume) volume, sum(quote_volume) quote_volume, count() trades
    FROM tick_prices SAMPLE BY 1m
) PARTITION BY DAY;
