"""How well it goes: figures of the account, of closed lots and of the road of orders. Pure.

Rules:
- Money is Decimal; ratios and statistics, which are estimates, are floats. Each docstring says which, in what unit, and
  whose definition.
- Too few data make no figure: it is None, and people are told "not yet". The minimum stands beside each definition.
- Days are New York dates of sessions. A year has 252 of them, and the risk-free rate is taken as zero.
"""
