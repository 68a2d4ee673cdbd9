"""Reads the source of an AppDatabase from its ConfigMaps, or from the object itself.

Reads only; what the files mean is for the analysis.
"""

import asyncio
from collections.abc import Sequence

from appdb.api import names
from appdb.api.appdatabase import AppDatabase
from appdb.api.source_spec import SourceConfigMap, SourceSpec
from appdb.cluster.client import Json, Reader
from appdb.cluster.resources import CONFIG_MAPS
from appdb.errors import RevisionMismatch, SourceNotFound
from appdb.reconcile.database.observed import SourceView
from appdb.source.bundle import SourceBundle, bundle_of_config_maps, bundle_of_texts


async def read_source(cluster: Reader, database: AppDatabase) -> SourceView | None:
    """Return the source, or None when none is given that is read from files.

    Raises:
        SourceNotFound: a ConfigMap is missing.
        SourceInvalid, SourceTooLarge: the files cannot be put together.
        RevisionMismatch: it is not the revision that is waited for.
    """
    spec = database.spec.source
    if spec is None or spec.template is not None:
        return None
    if spec.inline is not None:
        view = SourceView(bundle=_limited(bundle_of_texts(spec.inline), spec))
    else:
        view = await _from_config_maps(cluster, database.metadata.namespace, spec)
    _require_revision(view, spec)
    return view


async def _from_config_maps(cluster: Reader, namespace: str, spec: SourceSpec) -> SourceView:
    refs = spec.config_maps or ()
    found = await asyncio.gather(*(cluster.get(CONFIG_MAPS, namespace, ref.name) for ref in refs))
    _require_all(refs, found, namespace)
    present = [each for each in found if each is not None]
    bundle = bundle_of_config_maps(
        [
            (each["metadata"]["name"], each.get("data") or {}, each.get("binaryData") or {})
            for each in present
        ]
    )
    revisions = [_annotation(each, names.ANNOTATION_REVISION) for each in present]
    return SourceView(
        bundle=_limited(bundle, spec),
        revision=next((revision for revision in revisions if revision), ""),
        unwatched=tuple(
            each["metadata"]["name"]
            for each in present
            if (each["metadata"].get("labels") or {}).get(names.LABEL_SOURCE) != "true"
        ),
    )


def _require_all(
    refs: Sequence[SourceConfigMap], found: Sequence[Json | None], namespace: str
) -> None:
    missing = [
        ref.name for ref, each in zip(refs, found, strict=True) if each is None and not ref.optional
    ]
    if missing:
        raise SourceNotFound(
            f"ConfigMap {namespace}/{missing[0]} does not exist; create it with the label "
            f"{names.LABEL_SOURCE}=true, or correct spec.source.configMaps"
        )


def _require_revision(view: SourceView, spec: SourceSpec) -> None:
    if spec.revision is None or spec.revision in {view.revision, view.bundle.digest}:
        return
    raise RevisionMismatch(
        f"the source has revision {view.revision or 'none'} and digest {view.bundle.digest}, "
        f"spec.source.revision waits for {spec.revision}"
    )


def _limited(bundle: SourceBundle, spec: SourceSpec) -> SourceBundle:
    return bundle.select(include=spec.include, exclude=spec.exclude)


def _annotation(live: Json, name: str) -> str:
    return str((live["metadata"].get("annotations") or {}).get(name, ""))
