"""The strategy library: versions that are appended, names that are there once, and what sessions run."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from connectors.questdb.strategies import StrategyStore
from dataflows.library import (
    StrategyRefused,
    add_strategy,
    clone_strategy,
    delete_strategy,
    edit_strategy,
    find_strategy,
    restore_strategy,
    set_enabled,
    stored_strategies,
    strategy_version,
    strategy_versions,
)
from dataflows.preparing import BacktestRequest, StartRefused, prepare_backtest
from dataflows.strategy_sources import strategy_source
from dataflows.variants import add_variant
from operators.strategy.document import document_hash
from operators.strategy.problems import InvalidStrategy
from operators.strategy.templates import load_template, template_text
from operators.strategy.validation import load_strategy

FOLLOW = "pump_follow_long"


@pytest.fixture
def name() -> str:
    """A name that no other test has."""
    return f"mine_{uuid.uuid4().hex[:8]}"


def document(name: str, **changes: object) -> str:
    """A template's document under another name and with other values."""
    return json.dumps({**json.loads(template_text(FOLLOW)), "name": name, **changes})


def test_a_strategy_is_stored_with_everything_about_it(database, name):
    text = document(name, tags=["a", "b"], description="what it\0 does")
    added = add_strategy(database, text, author="somebody", category="tries", template=FOLLOW)
    found = find_strategy(database, name)
    assert found == added
    assert (found.version, found.enabled, found.is_deleted, found.deleted_at) == (0, True, False, None)
    assert (found.author, found.category, found.template_id) == ("somebody", "tries", FOLLOW)
    assert (found.direction, found.tags, found.description) == ("LONG", ("a", "b"), "what it does")
    assert found.strategy_json == text
    assert found.hash == document_hash(load_strategy(text))


def test_a_document_as_large_as_documents_may_be_comes_back_as_it_was(database, name):
    text = document(name)
    text += " " * (1_000_000 - len(text))
    add_strategy(database, text)
    assert find_strategy(database, name).strategy_json == text


def test_an_edit_is_a_version_after_the_others(database, name):
    first = add_strategy(database, document(name), author="one")
    second = edit_strategy(database, name, text=document(name, tags=["new"]), author="two")
    third = edit_strategy(database, name, category="tries", author="three")
    assert strategy_versions(database, name) == [first, second, third]
    assert [one.version for one in (first, second, third)] == [0, 1, 2]
    assert (third.id, third.tags, third.category, third.author) == (first.id, ("new",), "tries", "three")
    assert edit_strategy(database, name, text=document(name, tags=["new"]), author="four") == third
    assert edit_strategy(database, name, category="").category is None


def test_an_edit_of_another_name_is_asked_for_twice(database, name):
    add_strategy(database, document(name))
    with pytest.raises(StrategyRefused, match=r"the document's name is other.*--rename NAME"):
        edit_strategy(database, name, text=document("other"))
    renamed = edit_strategy(database, name, text=document("other"), new_name=f"{name}_2")
    assert json.loads(renamed.strategy_json)["name"] == renamed.name == f"{name}_2"
    assert renamed.hash == document_hash(load_strategy(renamed.strategy_json))
    assert name not in stored_strategies(database)
    add_strategy(database, document(name))


def test_an_invalid_document_is_not_stored(database, name):
    with pytest.raises(InvalidStrategy, match=r"\$\.direction") as refused:
        add_strategy(database, document(name, direction="UP", nmae=1))
    assert len(refused.value.problems) == 2
    assert name not in stored_strategies(database)


def test_a_document_may_name_variants_of_the_project(database, name):
    text = document(name, s1_signal={"when": {"indicator": f"{name}_v", "op": ">", "value": 1}})
    with pytest.raises(InvalidStrategy, match="unknown kind"):
        add_strategy(database, text)
    add_variant(database, f"{name}_v", "TWPA(t1=60)")
    assert add_strategy(database, text).name == name


def test_a_name_is_there_once(database, name):
    add_strategy(database, document(name))
    with pytest.raises(StrategyRefused, match="is in the library already"):
        add_strategy(database, document(name.upper()))
    with pytest.raises(StrategyRefused, match="comes with the program"):
        add_strategy(database, template_text(FOLLOW))
    add_strategy(database, document(f"{name}_2"))
    with pytest.raises(StrategyRefused, match="is in the library already"):
        edit_strategy(database, f"{name}_2", new_name=name)
    with pytest.raises(StrategyRefused, match="1 to 64 of the characters"):
        add_strategy(database, document(name), name="a b")


def test_a_clone_has_versions_of_its_own(database, name):
    source = add_strategy(database, document(name), category="tries", template=FOLLOW)
    copy = clone_strategy(database, name, f"{name}_2", "somebody")
    assert copy.id != source.id
    assert (copy.version, copy.category, copy.template_id, copy.author) == (0, "tries", FOLLOW, "somebody")
    edit_strategy(database, f"{name}_2", text=document(f"{name}_2", tags=["new"]))
    assert find_strategy(database, name) == source


def test_a_deleted_strategy_is_gone_until_it_is_restored(database, name):
    added = add_strategy(database, document(name))
    gone = delete_strategy(database, name)
    assert gone.is_deleted
    assert gone.deleted_at >= added.changed_at
    assert name not in stored_strategies(database)
    assert stored_strategies(database, deleted=True)[name] == gone
    with pytest.raises(StrategyRefused, match=f"was deleted; `tapeflow strategies restore {name}`"):
        find_strategy(database, name)
    assert strategy_versions(database, name) == [added, gone]
    back = restore_strategy(database, name)
    assert (back.id, back.version, back.is_deleted, back.deleted_at) == (added.id, 2, False, None)
    with pytest.raises(StrategyRefused, match="is not deleted"):
        restore_strategy(database, name)


def test_a_strategy_comes_back_only_where_its_name_is_free(database, name):
    first = add_strategy(database, document(name))
    delete_strategy(database, name)
    second = add_strategy(database, document(name))
    assert second.id != first.id
    with pytest.raises(StrategyRefused, match="is in the library already"):
        restore_strategy(database, name)
    with pytest.raises(StrategyRefused, match="there is no deleted strategy"):
        restore_strategy(database, f"{name}_2")


def test_nothing_that_is_there_is_ever_changed(database, name):
    added = add_strategy(database, document(name))
    before = StrategyStore(database).versions(added.id)
    for act in (
        lambda: set_enabled(database, name, False),
        lambda: edit_strategy(database, name, text=document(name, tags=["new"])),
        lambda: delete_strategy(database, name),
        lambda: restore_strategy(database, name),
    ):
        act()
        after = StrategyStore(database).versions(added.id)
        assert after[:-1] == before
        assert (after[-1].version, after[-1].enabled) == (len(before), False)
        assert after[-1].changed_at > before[-1].changed_at
        before = after


def test_what_comes_with_the_program_is_cloned_not_changed(database):
    for act in (edit_strategy, delete_strategy):
        with pytest.raises(StrategyRefused, match=rf"comes with the program.*clone {FOLLOW} NAME"):
            act(database, FOLLOW)


def test_names_mean_a_template_then_the_library_then_a_file(database, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for file in (FOLLOW, name, f"{name}.json", f"{name}_file"):
        Path(file).write_text(document("from_a_file"), encoding="utf-8")
    record = add_strategy(database, document(name))
    add_strategy(database, document(f"{name}.json"))
    edited = edit_strategy(database, name, text=document(name, tags=["new"]))

    def source(written):
        return strategy_source(written, lambda: database)

    assert (source(FOLLOW).text, source(FOLLOW).template) == (template_text(FOLLOW), FOLLOW)
    assert source(name).record == source(f"library:{name}").record == source(f"{name}@1").record == edited
    assert source(f"{name}@0").record == record
    assert source(f"{name}.json").origin == source(f"./{name}").origin == source(f"{name}_file").origin == "file"
    assert source(f"library:{name}.json").record.name == f"{name}.json"
    with pytest.raises(StrategyRefused, match="has no version 2; allowed: 0 to 1"):
        source(f"{name}@2")
    with pytest.raises(StrategyRefused, match=r"did you mean pump_follow_long\?"):
        source("pump_folow_long")
    with pytest.raises(StrategyRefused, match="allowed: library:NAME"):
        source("library:a b")


def test_a_template_or_a_file_needs_no_database(tmp_path):
    file = tmp_path / "strategy.json"
    file.write_text(document("mine"), encoding="utf-8")
    for written in (FOLLOW, str(file)):
        strategy_source(written, lambda: pytest.fail("the database was asked"))
    with pytest.raises(StrategyRefused, match="neither a template"):
        strategy_source("mine", lambda: None)


def test_a_session_records_the_hash_of_what_it_runs(database, database_home, market, name):
    first = add_strategy(database, document(name))
    second = edit_strategy(database, name, text=document(name, tags=["new"]))
    for written, record in ((name, second), (f"{name}@0", first)):
        plan, _ = prepare_backtest(database, database_home, None, BacktestRequest(market.session_id, (written,)))
        assert json.loads(plan.strategy_hashes) == {written: record.hash}
        assert plan.strategies == {written: record.strategy_json}
    assert strategy_version(database, name, 0) == first


def test_disabled_and_deleted_strategies_do_not_start(database, database_home, market, name):
    add_strategy(database, document(name))
    request = BacktestRequest(market.session_id, (name,))
    set_enabled(database, name, False)
    with pytest.raises(StartRefused, match=f"{name} is disabled; `tapeflow strategies enable {name}`"):
        prepare_backtest(database, database_home, None, request)
    set_enabled(database, name, True)
    prepare_backtest(database, database_home, None, request)
    delete_strategy(database, name)
    with pytest.raises(StartRefused, match=f"{name} was deleted; `tapeflow strategies restore {name}`"):
        prepare_backtest(database, database_home, None, request)


def test_two_versions_of_a_strategy_do_not_share_an_account(database, database_home, market, name):
    add_strategy(database, document(name))
    edit_strategy(database, name, text=document(name, tags=["new"]))
    with pytest.raises(StartRefused, match=f"account main has two strategies of the name {name}"):
        prepare_backtest(database, database_home, None, BacktestRequest(market.session_id, (name, f"{name}@0")))


def test_a_stored_template_is_the_template(database, name):
    added = add_strategy(database, template_text(FOLLOW), name=name, template=FOLLOW)
    assert load_strategy(added.strategy_json) == load_template(FOLLOW).model_copy(update={"name": name})
