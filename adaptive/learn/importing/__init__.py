"""Outcomes that other tools recorded, imported as a file of outcomes of ours.

A reader for each kind of log yields `ImportedRow`s; `Importer` applies the rules and `ImportStore` keeps them.

How an imported *setting*, what was bought for a row, becomes a rung of a ladder (`ladder.build_ladder`):

* An effort that we know (`low`) is the rung's effort. Any other name, such as a model's, gets the effort
  "default": as far as the log tells, the model was told nothing.
* A budget that the log names is the rung's budget. Most logs name none. Then the budget is the largest number of
  output tokens that was seen at this setting, or at a cheaper one if that is larger, since budgets of a ladder
  never fall. "The most thinking tokens" stays true of it: no imported attempt thought for longer. It is no limit
  that anybody set.
* A budget without an effort gets "medium", as a ladder's only thinking rung does.
* A setting without thinking (`none`, a budget of 0) is the direct answer, of which a file of outcomes has one.
* The plan keeps each setting's own name under `settings`. Its `window`, the context window, is 0: not known; or
  the budget of the setting "default", so that a plain call is found.

Of several models each rung names its own, if all names are specs that a solve can open; the ladder is then ordered
by what the rungs cost. If a name is none, the rungs say nothing of models: they can be compared as fixed settings
only, and the command says so.

A replay takes a model's rungs of one effort for one chain that is cut at several budgets. Separate runs at several
budgets are no such chain: as fixed settings they are compared exactly, but a policy over them is not replayed
rightly, and the command says so.

Thinking tokens are those that the log tells. If it tells only how many tokens were generated in all, all of them
count as the chain, and the usage says that this split is an estimate.
"""
