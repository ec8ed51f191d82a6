"""One prompt at several settings of model, effort and cap: what each lever bought, and what answers for least."""
