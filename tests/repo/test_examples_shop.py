"""The example's ConfigMap and the schema file beside it are one text."""

from pathlib import Path

import yaml

SHOP = Path(__file__).parents[2] / "examples/shop"


def test_the_config_map_holds_the_very_text_of_the_schema():
    source = yaml.safe_load((SHOP / "source.yaml").read_text(encoding="utf-8"))

    assert {"schema.prisma": (SHOP / "schema.prisma").read_text(encoding="utf-8")} == source["data"]


def test_the_app_database_names_the_config_map():
    documents = yaml.safe_load_all((SHOP / "appdatabase.yaml").read_text(encoding="utf-8"))
    namespace, database = documents
    source = yaml.safe_load((SHOP / "source.yaml").read_text(encoding="utf-8"))

    assert namespace["metadata"]["name"] == database["metadata"]["namespace"] == "shop"
    assert [{"name": source["metadata"]["name"]}] == database["spec"]["source"]["configMaps"]
    assert source["metadata"]["namespace"] == "shop"
    assert {"appdb.chatbuilds.com/source": "true"} == source["metadata"]["labels"]
