"""Token engines behind one protocol: token ids in, token ids out. They know nothing of questions."""
