"""`adaptive fit`: records, trains, tunes and benches a model in one run, and says what to use."""
