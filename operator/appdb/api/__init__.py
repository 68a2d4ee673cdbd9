"""The Kubernetes contract: kinds, conditions, reasons and names, as pydantic models.

The CRDs under crds/ are generated from these models. Nothing here talks to a cluster.
"""
