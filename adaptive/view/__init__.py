"""A local page that shows the log of solves, one solve, a profile, and two runs beside each other.

Pages are made on the server from templates: no script, no build, nothing from the network. A solve's texts are
untrusted, so every value is escaped, and the pages' policy (CSP) lets no script run.
"""
