"""The server: every client that speaks OpenAI's protocol gets adaptive thinking by changing one address."""
