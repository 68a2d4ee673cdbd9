"""Command lines of the control plane, and where its files are.

Pure but for writing nothing and starting nothing: the folder decides every path, so that
several control planes live side by side.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from appdb.local.binaries import Binaries
from appdb.local.ports import LOOPBACK
from appdb.local.processes import Command

ISSUER = "https://kubernetes.default.svc"
# etcd refuses a path in a URL: "name:port" is a socket file of that very name in its folder.
ETCD_CLIENTS = "unix://etcd.sock:0"
ETCD_PEERS = "unix://peer.sock:0"
# Enough for namespaces, garbage collection, quotas, ServiceAccounts, and workloads on paper.
CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "cronjob-controller",
    "deployment-controller",
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "replicaset-controller",
    "resourcequota-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "ttl-after-finished-controller",
)
# What is written into our kinds and into Events is logged whole; of a Secret, as of the rest,
# only who asked for what.
AUDIT_POLICY = json.dumps(
    {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {
                "level": "Request",
                "verbs": ["create", "update", "patch"],
                "resources": [
                    {"group": "appdb.chatbuilds.com"},
                    {"group": "", "resources": ["events"]},
                ],
            },
            {"level": "Metadata"},
        ],
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The files of one control plane."""

    home: Path

    @property
    def etcd_dir(self) -> Path:
        return self.home / "etcd"

    @property
    def certs_dir(self) -> Path:
        return self.home / "pki"

    @property
    def ca_path(self) -> Path:
        """Serving certificate with its authority behind it, written by the API server."""
        return self.certs_dir / "apiserver.crt"

    @property
    def signing_key(self) -> Path:
        return self.certs_dir / "service-accounts.key"

    @property
    def tokens(self) -> Path:
        return self.certs_dir / "tokens.csv"

    @property
    def admin_kubeconfig(self) -> Path:
        return self.home / "admin.kubeconfig"

    @property
    def manager_kubeconfig(self) -> Path:
        return self.home / "controller-manager.kubeconfig"

    @property
    def audit_policy(self) -> Path:
        return self.home / "audit-policy.json"

    @property
    def audit_log(self) -> Path:
        return self.logs_dir / "audit.log"

    @property
    def facts(self) -> Path:
        return self.home / "controlplane.json"

    @property
    def logs_dir(self) -> Path:
        return self.home / "logs"


def etcd_command(layout: Layout, binaries: Binaries, *, is_detached: bool) -> Command:
    """Run etcd on UNIX sockets, without fsync: the data is as short-lived as its folder."""
    argv = (
        str(binaries.etcd),
        "--name=appdb",
        "--data-dir=data",
        f"--listen-client-urls={ETCD_CLIENTS}",
        f"--advertise-client-urls={ETCD_CLIENTS}",
        f"--listen-peer-urls={ETCD_PEERS}",
        "--initial-advertise-peer-urls=http://localhost:2380",
        "--initial-cluster=appdb=http://localhost:2380",
        "--unsafe-no-fsync",
        "--log-level=warn",
    )
    log = layout.logs_dir / "etcd.log"
    return Command(argv=argv, log=log, cwd=layout.etcd_dir, detached=is_detached)


def apiserver_command(
    layout: Layout, binaries: Binaries, port: int, *, audits: bool, is_detached: bool
) -> Command:
    """kube-apiserver on loopback; it makes its serving certificate on the first start."""
    audit = (
        f"--audit-policy-file={layout.audit_policy}",
        f"--audit-log-path={layout.audit_log}",
        "--audit-log-mode=blocking",
        # In MiB: what counts requests reads one file, so that none may be rotated away.
        "--audit-log-maxsize=4096",
    )
    argv = (
        str(binaries.apiserver),
        f"--etcd-servers={ETCD_CLIENTS}",
        f"--secure-port={port}",
        f"--bind-address={LOOPBACK}",
        f"--advertise-address={LOOPBACK}",
        f"--cert-dir={layout.certs_dir}",
        f"--token-auth-file={layout.tokens}",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={layout.signing_key}",
        f"--service-account-signing-key-file={layout.signing_key}",
        "--service-cluster-ip-range=10.96.0.0/24",
        "--authorization-mode=RBAC",
        "--allow-privileged=true",
        "--endpoint-reconciler-type=none",
        "--profiling=false",
        *(audit if audits else ()),
    )
    log = layout.logs_dir / "kube-apiserver.log"
    return Command(argv=argv, log=log, cwd=layout.etcd_dir, detached=is_detached)


def manager_command(layout: Layout, binaries: Binaries, *, is_detached: bool) -> Command:
    """kube-controller-manager without a port of its own, each controller with its own rights."""
    argv = (
        str(binaries.controller_manager),
        f"--kubeconfig={layout.manager_kubeconfig}",
        f"--service-account-private-key-file={layout.signing_key}",
        f"--root-ca-file={layout.ca_path}",
        "--use-service-account-credentials",
        f"--controllers={','.join(CONTROLLERS)}",
        "--leader-elect=false",
        "--secure-port=0",
        # The default of 20 requests a second makes the first start take seconds longer.
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        "--profiling=false",
    )
    log = layout.logs_dir / "kube-controller-manager.log"
    return Command(argv=argv, log=log, cwd=layout.etcd_dir, detached=is_detached)
