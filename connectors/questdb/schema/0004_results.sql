-- What sessions decided and what came of it. Timestamps are tape time.

CREATE TABLE IF NOT EXISTS state_transitions (
    timestamp TIMESTAMP,
    session_id SYMBOL,
    account SYMBOL,
    strategy SYMBOL,
    symbol SYMBOL,
    n LONG,
    from_state SYMBOL,
    to_state SYMBOL,
    trigger SYMBOL,
    refused BOOLEAN,
    conditions VARCHAR
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, session_id, account, strategy, symbol, n);

CREATE TABLE IF NOT EXISTS strategy_signals (
    timestamp TIMESTAMP,
    signal_id VARCHAR,
    session_id SYMBOL,
    account SYMBOL,
    strategy SYMBOL,
    symbol SYMBOL,
    section SYMBOL,
    direction SYMBOL,
    price DOUBLE,
    indicator_values VARCHAR
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, signal_id);

CREATE TABLE IF NOT EXISTS orders (
    timestamp TIMESTAMP,     -- of creation; the row holds the latest state
    order_id VARCHAR,
    session_id SYMBOL,
    account SYMBOL,
    strategy SYMBOL,
    symbol SYMBOL,
    intent SYMBOL,
    type SYMBOL,
    quantity DOUBLE,
    limit_price DOUBLE,
    state SYMBOL,
    filled_quantity DOUBLE,
    average_price DOUBLE,
    fee DOUBLE,
    reason VARCHAR,
    exchange_order_id VARCHAR,
    updated_at TIMESTAMP
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, order_id);

CREATE TABLE IF NOT EXISTS order_events (
    timestamp TIMESTAMP,
    order_id VARCHAR,
    n LONG,
    session_id SYMBOL,
    account SYMBOL,
    state SYMBOL,
    filled_quantity DOUBLE,
    average_price DOUBLE,
    fee DOUBLE,
    reason VARCHAR
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, order_id, n);

CREATE TABLE IF NOT EXISTS fills (
    timestamp TIMESTAMP,
    fill_id VARCHAR,
    order_id VARCHAR,
    session_id SYMBOL,
    account SYMBOL,
    symbol SYMBOL,
    price DOUBLE,
    quantity DOUBLE,
    fee DOUBLE,
    liquidity SYMBOL
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, fill_id);

CREATE TABLE IF NOT EXISTS positions (
    timestamp TIMESTAMP,     -- of opening; the row holds the latest state
    position_id VARCHAR,
    session_id SYMBOL,
    account SYMBOL,
    strategy SYMBOL,
    symbol SYMBOL,
    side SYMBOL,
    quantity DOUBLE,
    average_entry DOUBLE,
    average_exit DOUBLE,
    leverage DOUBLE,
    margin DOUBLE,
    realized_pnl DOUBLE,
    fees DOUBLE,
    funding DOUBLE,
    liquidation_price DOUBLE,
    stop DOUBLE,
    target DOUBLE,
    mae DOUBLE,
    mfe DOUBLE,
    status SYMBOL,
    exit_reason SYMBOL,
    closed_at TIMESTAMP
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, position_id);

CREATE TABLE IF NOT EXISTS equity (
    timestamp TIMESTAMP,
    session_id SYMBOL,
    account SYMBOL,
    equity DOUBLE,
    balance DOUBLE,
    unrealized DOUBLE,
    margin_used DOUBLE,
    open_positions LONG
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, session_id, account);

CREATE TABLE IF NOT EXISTS risk_events (
    timestamp TIMESTAMP,
    session_id SYMBOL,
    account SYMBOL,
    n LONG,
    severity SYMBOL,
    type SYMBOL,
    message VARCHAR,
    details VARCHAR,
    acknowledged_at TIMESTAMP
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, session_id, account, n);

CREATE TABLE IF NOT EXISTS session_results (
    timestamp TIMESTAMP,
    session_id SYMBOL,
    account SYMBOL,
    total_return_pct DOUBLE,
    cagr_pct DOUBLE,
    max_drawdown_pct DOUBLE,
    max_drawdown_seconds DOUBLE,
    sharpe DOUBLE,
    sortino DOUBLE,
    calmar DOUBLE,
    sharpe_basis SYMBOL,
    win_rate DOUBLE,
    profit_factor DOUBLE,
    expectancy DOUBLE,
    average_win DOUBLE,
    average_loss DOUBLE,
    largest_win DOUBLE,
    largest_loss DOUBLE,
    average_holding_seconds DOUBLE,
    exposure_seconds DOUBLE,
    turnover DOUBLE,
    trades LONG,
    open_at_end LONG,
    fees DOUBLE,
    funding DOUBLE,
    slippage DOUBLE,
    initial_equity DOUBLE,
    final_equity DOUBLE,
    signals LONG,
    orders LONG,
    fills LONG,
    details VARCHAR
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, session_id, account);

CREATE TABLE IF NOT EXISTS closest_approach (
    timestamp TIMESTAMP,     -- tape_from of the session
    session_id SYMBOL,
    account SYMBOL,
    strategy SYMBOL,
    symbol SYMBOL,
    section SYMBOL,
    condition VARCHAR,
    threshold DOUBLE,
    best_value DOUBLE,
    best_at TIMESTAMP,
    true_seconds DOUBLE,
    false_seconds DOUBLE,
    pending_seconds DOUBLE
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, session_id, account, strategy, symbol, section, condition);

CREATE TABLE IF NOT EXISTS group_approach (
    timestamp TIMESTAMP,     -- tape_from of the session
    session_id SYMBOL,
    account SYMBOL,
    strategy SYMBOL,
    symbol SYMBOL,
    section SYMBOL,
    max_true LONG,
    at TIMESTAMP
) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, session_id, account, strategy, symbol, section);
