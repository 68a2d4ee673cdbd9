"""Everything that speaks to the Kubernetes API, except kopf's watches."""
