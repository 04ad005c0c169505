"""One module a platform: each speaks that platform's wire and knows nothing of our orders."""
