-- What the closest approach tells besides, as `operators/results.py` says.

ALTER TABLE closest_approach ADD COLUMN IF NOT EXISTS indicator VARCHAR;
ALTER TABLE closest_approach ADD COLUMN IF NOT EXISTS op SYMBOL;
ALTER TABLE closest_approach ADD COLUMN IF NOT EXISTS threshold_high DOUBLE;
ALTER TABLE closest_approach ADD COLUMN IF NOT EXISTS warmup_seconds DOUBLE;
ALTER TABLE closest_approach ADD COLUMN IF NOT EXISTS missing_seconds DOUBLE;
ALTER TABLE closest_approach ADD COLUMN IF NOT EXISTS no_stream_seconds DOUBLE;
ALTER TABLE closest_approach ADD COLUMN IF NOT EXISTS until TIMESTAMP;

ALTER TABLE group_approach ADD COLUMN IF NOT EXISTS conditions LONG;
ALTER TABLE group_approach ADD COLUMN IF NOT EXISTS lacking VARCHAR;
ALTER TABLE group_approach ADD COLUMN IF NOT EXISTS looked_seconds DOUBLE;
ALTER TABLE group_approach ADD COLUMN IF NOT EXISTS until TIMESTAMP;
