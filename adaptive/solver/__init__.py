"""The graph, its nodes, and the models as the nodes see them."""
