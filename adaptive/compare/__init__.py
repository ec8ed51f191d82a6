"""One prompt at several settings of model, effort and cap: what changes, and the cheapest that answers."""
