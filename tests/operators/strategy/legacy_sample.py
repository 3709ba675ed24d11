"""A strategy as an older program wrote it."""

from __future__ import annotations

from typing import Any

COMPLETE: dict[str, Any] = {
    "id": "8f14e45f-ceea-467f-a8f6-4f2d1c1f9d11",
    "strategy_name": "Flash Pump (v3)",
    "description": "Fade a pump on thin coins",
    "direction": "short",
    "enabled": True,
    "s1_signal": {
        "conditions": [
            {"id": "c1", "indicatorId": "pump_magnitude_pct", "operator": ">=", "value": 8, "logic": "AND"},
            {"id": "c2", "indicatorId": "volume_surge_ratio", "operator": ">=", "value": "3.5"},
        ]
    },
    "o1_cancel": {
        "timeoutSeconds": 240,
        "cooldownMinutes": 5,
        "conditions": [{"indicatorId": "PUMP_MAGNITUDE_PCT", "operator": "<", "value": 2, "logic": "OR"}],
    },
    "z1_entry": {
        "conditions": [
            {"indicatorId": "price_velocity", "operator": "lte", "value": 0.05, "label": "it has stopped"},
            {"indicatorId": "spread_pct", "operator": "<", "value": 0.8},
        ],
        "positionSize": {"type": "percentage", "value": 2.5},
        "stopLoss": {"enabled": True, "offsetPercent": 6},
        "takeProfit": {"enabled": False, "offsetPercent": 20},
        "leverage": 2,
        "timeoutSeconds": 20,
    },
    "ze1_close": {
        "conditions": [{"indicatorId": "unrealized_pnl_pct", "operator": ">=", "value": 12}],
        "riskAdjustedPricing": {"enabled": True},
    },
    "emergency_exit": {
        "conditions": [{"indicatorId": "unrealized_pnl_pct", "operator": "<=", "value": -5}],
        "cooldownMinutes": 45,
        "actions": {"cancelPending": True, "closePosition": True},
    },
    "global_limits": {"maxLeverage": 3, "max_trades_per_day": 10, "maxPositionSizeUsdt": 250, "dailyLossLimit": 5},
}
