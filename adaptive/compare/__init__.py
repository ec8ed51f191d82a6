"""One prompt at several settings of model, effort and cap: what each lever bought, and the cheapest that answers."""
