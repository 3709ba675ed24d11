"""Contract details as the exchange publishes them: complete objects made from what is known of a listing."""

from __future__ import annotations

import math
from typing import Any, Final

from connectors.simulated.exchange.flow import Listing
from connectors.simulated.exchange.price_grid import PriceGrid

FIRST_CONTRACT_ID: Final = 10
INVERSE_CONTRACT: Final = 10.0
"""Dollars per contract of an inverse symbol (`…_USD`); the first one listed has ten times that."""

INCREASE_TURN: Final = 3
NO_API_TURN: Final = 29
"""Every third symbol has risk levels by steps instead of a list; every 29th cannot be traded by API."""

_PRICE_BANDS: Final = (0.1, 0.15, 0.2, 0.3)
_CONCEPTS: Final = ("mc-trade-zone-defi", "mc-trade-zone-ai", "mc-trade-zone-meme", "mc-trade-zone-layer2")


def parts_of(symbol: str) -> tuple[str, str]:
    """Base and quote coin of a symbol.

    >>> parts_of("BTC_USDT")
    ('BTC', 'USDT')
    """
    base, _, quote = symbol.rpartition("_")
    return base, quote


def is_inverse(symbol: str) -> bool:
    """Contracts of a fixed value in USD, settled in the base coin."""
    return parts_of(symbol)[1] == "USD"


def contract_detail(listing: Listing, number: int, start_ms: int) -> dict[str, Any]:
    """The detail of the `number`-th listing (from 0), in every field that clients of the real exchange read.

    Sizes, steps and the first risk level are those of the listing's `ContractSpecification`; every third symbol grows
    its risk limits by steps from there (INCREASE) where the others list the specification's tiers (CUSTOM).
    """
    contract = listing.contract
    base, quote = parts_of(listing.symbol)
    inverse = is_inverse(listing.symbol)
    size = (INVERSE_CONTRACT * 10 if number == 0 else INVERSE_CONTRACT) if inverse else contract.contract_size
    grid = PriceGrid(contract.price_unit)
    most = contract.max_vol or 1_000_000.0
    if inverse and contract.max_vol:
        most = contract.max_vol * contract.contract_size * listing.price / size
    most = float(max(math.floor(most), 10))
    band = _PRICE_BANDS[number % len(_PRICE_BANDS)]
    return {
        "id": FIRST_CONTRACT_ID + number,
        "symbol": listing.symbol,
        "displayName": f"{listing.symbol} PERPETUAL",
        "displayNameEn": f"{listing.symbol} PERPETUAL",
        "positionOpenType": 3,
        "baseCoin": base,
        "quoteCoin": quote,
        "baseCoinName": base,
        "quoteCoinName": quote,
        "settleCoin": base if inverse else quote,
        "futureType": 1,
        "type": 1,
        "contractSize": _plain(size),
        "minLeverage": 1,
        "maxLeverage": _plain(contract.max_leverage),
        "countryConfigContractMaxLeverage": 0,
        "priceScale": grid.scale,
        "volScale": 0,
        "amountScale": 8 if inverse else 4,
        "priceUnit": _plain(contract.price_unit),
        "volUnit": _plain(contract.vol_unit),
        "minVol": _plain(contract.min_vol),
        "maxVol": _plain(most),
        "limitMaxVol": _plain(contract.limit_max_vol or most),
        "bidLimitPriceRate": contract.price_band or band,
        "askLimitPriceRate": contract.price_band or band,
        "takerFeeRate": 0.0008 if contract.taker_fee_rate is None else contract.taker_fee_rate,
        "makerFeeRate": 0.0006 if contract.maker_fee_rate is None else contract.maker_fee_rate,
        **_risk(listing, number, most),
        "feeRateMode": "NORMAL",
        "isZeroFeeRate": False,
        "liquidationFeeRate": contract.liquidation_fee_rate or 0.0002,
        "priceCoefficientVariation": 0.4,
        "indexOrigin": ["BINANCE", "GATEIO", "MEXC"],
        "state": 0,
        "isNew": number % 17 == 5,
        "isHot": number % 11 == 0,
        "isHidden": False,
        "apiAllowed": contract.api_allowed and number % NO_API_TURN != NO_API_TURN - 1,
        "conceptPlate": [_CONCEPTS[number % len(_CONCEPTS)]],
        "conceptPlateId": [number % len(_CONCEPTS) + 1],
        "maxNumOrders": [200, 50],
        "marketOrderMaxLevel": 20,
        "marketOrderPriceLimitRate1": 0.2,
        "marketOrderPriceLimitRate2": 0.005,
        "triggerProtect": 0.1,
        "appraisal": 0,
        "showAppraisalCountdown": 0,
        "automaticDelivery": 0,
        "depthStepList": [str(grid.price(10**power)) for power in range(4)],
        "openingTime": start_ms - 86_400_000 * (30 + number % 900),
        "openingCountdownOption": 1,
        "showBeforeOpen": True,
        "threshold": 0.0,
        "createTime": start_ms - 86_400_000 * (31 + number % 900),
    }


def _risk(listing: Listing, number: int, most: float) -> dict[str, Any]:
    contract = listing.contract
    tiers = contract.tiers
    maintenance = tiers[0].maintenance_margin_rate if tiers else 0.5 / contract.max_leverage
    initial = tiers[0].initial_margin_rate if tiers else 1.0 / contract.max_leverage
    by_steps = number % INCREASE_TURN == INCREASE_TURN - 1 or not tiers
    scale = most / tiers[-1].limit if tiers and is_inverse(listing.symbol) else 1.0
    base = max(math.floor(tiers[0].limit * scale), 1) if tiers else max(math.floor(most / 10), 1)
    levels = 10
    return {
        "maintenanceMarginRate": maintenance,
        "initialMarginRate": initial,
        "riskLimitType": "BY_VOLUME",
        "riskLimitMode": "INCREASE" if by_steps else "CUSTOM",
        "riskBaseVol": base,
        "riskIncrVol": max(math.floor((most - base) / (levels - 1)), 1),
        "riskIncrMmr": maintenance,
        "riskIncrImr": initial,
        "riskLevelLimit": levels if by_steps else len(tiers),
        "riskLongShortSwitch": 0,
        "riskLimitCustom": []
        if by_steps
        else [
            {
                "level": level,
                "maxVol": max(math.floor(tier.limit * scale), level),
                "mmr": tier.maintenance_margin_rate,
                "imr": tier.initial_margin_rate,
                "maxLeverage": math.floor(1.0 / tier.initial_margin_rate + 1e-9),
            }
            for level, tier in enumerate(tiers, start=1)
        ],
    }


def _plain(value: float) -> float | int:
    """Whole numbers without a fraction, as the exchange writes them."""
    return int(value) if value == int(value) else value
