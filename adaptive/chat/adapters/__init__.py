"""How each provider takes an effort, a thinking budget, a completion cap, a temperature and a seed."""
