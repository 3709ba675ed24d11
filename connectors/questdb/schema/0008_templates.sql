-- Templates are files of the program and are versioned with it: a second home in the database has never been filled.

DROP TABLE IF EXISTS strategy_templates;
