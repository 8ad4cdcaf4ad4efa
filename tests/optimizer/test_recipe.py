from __future__ import annotations

import re
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.errors import RecipeError
from optimizer.recipe import Recipe
from optimizer.recipe_errors import section_of
from optimizer.recipe_file import (
    _recipe,
    builtin_recipes,
    load_recipe,
    load_recipes,
    parse_recipe,
    read_recipe,
)
from optimizer.techniques import Calibration, Clustering, IoType, Pruning, Quantization, Scheme

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    scheme = draw(st.sampled_from([item for item in Scheme if not item.needs_quantizer]))
    io_dtype = draw(st.sampled_from(IoType)) if scheme is Scheme.INT8 else IoType.FLOAT32
    fallback = draw(st.booleans()) if scheme.needs_calibration else False
    dense = draw(st.booleans()) if scheme not in {Scheme.NONE, Scheme.FLOAT16} else False
    calibration = None
    if scheme.needs_calibration and draw(st.booleans()):
        calibration = Calibration(
            samples=draw(st.integers(1, 10_000)), seed=draw(st.integers(0, 2**31))
        )
    return Recipe(
        name=draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_+-]{0,20}", fullmatch=True)),
        description=draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=40)),
        quantization=Quantization(
            scheme=scheme, io_dtype=io_dtype, float_fallback=fallback, per_channel_dense=dense
        ),
        calibration=calibration,
    )


@given(recipes())
def test_toml_round_trip_loses_nothing(recipe: Recipe) -> None:
    again = parse_recipe(recipe.to_toml(), where="memory", default_name="other")
    assert again == recipe
    assert again.digest == recipe.digest


def test_every_builtin_recipe_is_named_as_its_file_and_does_something_else() -> None:
    found = builtin_recipes()
    assert {"float32", "float16", "dynamic-range", "int8", "int16x8"} <= set(found)
    assert all(recipe.name == name and recipe.description for name, recipe in found.items())
    assert len({recipe.digest for recipe in found.values()}) == len(found)


def test_the_digest_is_of_what_is_done_not_of_names() -> None:
    one = parse_recipe('[quantization]\nscheme = "float16"', where="x", default_name="a")
    other = parse_recipe(
        'description = "half"\n[quantization]\nscheme = "float16"', where="x", default_name="b"
    )
    assert one.digest == other.digest
    assert one.digest != load_recipe("float32").digest


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            '[quantization]\nshceme = "int8"',
            "no key 'quantization.shceme'",
            "Did you mean 'scheme'",
        ),
        ("prunning = 1", "no key 'prunning'", "quantization"),
        ("[prunning]\nsparsity = 0.8", "no key 'prunning'", "Did you mean 'pruning'?"),
        (
            '[quantization]\nscheme = "int9"',
            "quantization.scheme is \"int9\", and should be 'none'",
            "",
        ),
        ("quantization = 3", "quantization is 3, and should be a section", "write [quantization]"),
        (
            '[quantization]\nscheme = "int8"\n[calibration]\nsamples = "5"',
            'calibration.samples is "5", and should be a whole number',
            "write samples = 5",
        ),
        (
            '[quantization]\nscheme = "int8"\n[calibration]\nsamples = 0',
            "samples must be at least 1",
            "",
        ),
        ('[quantization]\nio_dtype = "int8"', "needs the scheme 'int8'", ""),
        ("[calibration]\nsamples = 5", "calibration means nothing with the scheme 'none'", ""),
        ("[quantization]\nfloat_fallback = true", "float_fallback means nothing", ""),
        ('name = "../evil"', "name must be at most 64 letters", ""),
        (
            '[quantization]\nscheme = "int8"\n[calibration]\nseed = -1',
            "seed must be at least 0",
            "",
        ),
        (f'name = "{"a" * 65}"', "at most 64 letters", ""),
        ("= 3", "is not TOML", ""),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(text: str, message: str, hint: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text, where="mine.toml", default_name="mine")
    assert str(caught.value).startswith("mine.toml")
    assert message in str(caught.value)
    assert hint in (caught.value.hint or "")


def test_unknown_names_and_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no recipe 'int88'") as caught:
        load_recipe("int88")
    assert "Did you mean 'int8'?" in (caught.value.hint or "")
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(str(tmp_path / "nowhere.toml"))


def test_a_file_is_a_recipe_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "tiny.toml"
    file.write_text('[quantization]\nscheme = "int8"\nio_dtype = "uint8"\n')
    recipe = load_recipe(str(file))
    assert recipe.name == "tiny"
    assert recipe.quantization.io_dtype is IoType.UINT8
    assert (
        recipe.calibration == Calibration()
    )  # int8 measures ranges whether a section says so or not


def test_a_value_close_to_one_that_exists_is_suggested() -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe('[quantization]\nscheme = "float-16"', where="x", default_name="x")
    assert caught.value.hint == "Did you mean 'float16'?"


def test_the_documentation_names_every_section_and_key() -> None:
    text = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text()
    (example,) = re.findall(r"```toml\n(.*?)```", text, flags=re.DOTALL)
    shown = tomllib.loads(example)
    sections = {
        item.name: section_of(item.name)
        for item in fields(Recipe)
        if item.name not in {"name", "description"}
    }
    assert set(shown) == {"name", "description", *sections}
    for name, kind in sections.items():
        known = {item.name for item in fields(kind)} - {"epochs", "learning_rate", "width"}
        assert known <= set(shown[name]) | {"epochs"}, name
        assert set(shown[name]) <= {item.name for item in fields(kind)}, name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[pruning]\nsparsity = 1.0", "sparsity must lie between 0 and 1, not 1"),
        ("[pruning]\nsparsity = 0.8\nstructure = '2:4'", "structure '2:4' is a sparsity of 0.5"),
        ("[pruning]\nlayers = { head = 1.5 }", "layers.head must be at least 0 and below 1"),
        ("[pruning]\ninitial_sparsity = 0.9", "initial_sparsity must lie between 0 and sparsity"),
        ("[clustering]\nclusters = 1", "clusters must be at least 2"),
        ("[channel_pruning]\ntarget = 0.0", "target must lie between 0 and 1"),
        ("[qat]", "qat needs the scheme 'int8'"),
        ("[qat]\n[quantization]\nscheme = 'int8'\n[calibration]", "qat, which learns the ranges"),
        ("[distillation]\nwidth = 0.5\nstudent = 's'", "student and width exclude each other"),
        ("[distillation]", "distillation needs a student"),
        ("[fine_tune]", "fine_tune means nothing without a technique that trains"),
        ("[averaging]", "checkpoints must name at least one"),
        ("[selective]", "selective needs a scheme that quantizes"),
        (
            "[pruning]\nsparse_encoding = true\n[quantization]\nscheme = 'int8'",
            "sparse_encoding does not go with the scheme 'int8'",
        ),
        (
            "[quantization]\nscheme = 'int4'\ntool = 'converter'",
            "the converter cannot do this",
        ),
        (
            "[quantization]\nscheme = 'float16'\nfloat_layers = ['a']",
            "nothing to do with the scheme",
        ),
        ("[quantization]\nper_channel = false", "per_channel = false needs the scheme 'int8'"),
    ],
)
def test_techniques_that_exclude_each_other_and_impossible_values(text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(message)):
        parse_recipe(text, where="mine.toml", default_name="mine")


def test_recipes_are_put_together() -> None:
    recipe = load_recipe("prune80+cluster16+qat")
    assert recipe.name == "prune80+cluster16+qat"
    assert recipe.stages == ("pruning", "clustering", "qat")
    assert recipe.digest == load_recipe("qat+prune80+cluster16").digest
    with pytest.raises(RecipeError, match="both have a section \\[pruning\\]"):
        load_recipe("prune50+prune80")


def test_paths_in_a_recipe_are_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(
        "[distillation]\nteachers = ['t.keras']\nstudent = '/abs/s.keras'"
    )
    recipe = load_recipe(str(tmp_path / "r.toml"))
    assert recipe.files == (tmp_path / "t.keras", Path("/abs/s.keras"))


@given(
    st.builds(
        Pruning,
        sparsity=st.floats(0.1, 0.9),
        layers=st.dictionaries(st.text(min_size=1, max_size=5), st.floats(0, 0.9), max_size=3),
        block_size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    ),
    st.builds(Clustering, clusters=st.integers(2, 256)),
)
def test_training_sections_survive_the_round_trip(pruning: Pruning, clustering: Clustering) -> None:
    recipe = Recipe(name="r", pruning=pruning, clustering=clustering)
    assert parse_recipe(recipe.to_toml(), where="memory", default_name="other") == recipe


@pytest.mark.parametrize("texts", [[""], [","], []])
def test_no_recipe_at_all_is_refused(texts: list[str]) -> None:
    with pytest.raises(RecipeError, match="No recipe is named"):
        load_recipes(texts)


@pytest.mark.parametrize(
    ("file", "name"),
    [("mein rezept.toml", "mein-rezept"), ("größe.v2.toml", "gr-e-v2"), ("a,b.toml", "a-b")],
)
def test_any_file_name_will_do(tmp_path: Path, file: str, name: str) -> None:
    (tmp_path / file).write_text("[pruning]")
    (recipe,) = load_recipes([str(tmp_path / file)])
    assert recipe.name == name


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[[pruning]]\nsparsity = 0.5", "pruning is [{", "write [pruning] in a line of its own"),
        ('[pruning]\nsparsity = "0.8"', '"0.8", and should be a number', "write sparsity = 0.8"),
        (
            "[pruning]\nsparsity = true",
            "sparsity is true, and should be a number",
            "sparsity = 0.8",
        ),
        ("[pruning]\nsparsity = 80", "between 0 and 1, not 80; 80 % are 0.8", ""),
        ("[pruning]\nepochs = 1.5", "epochs is 1.5, and should be a whole number", "epochs = 10"),
        ("[pruning]\nlearning_rate = 'a'", "should be a number", "learning_rate = 0.001"),
        ("[pruning]\nlearning_rate = inf", "learning_rate must be a number above 0, not inf", ""),
        (
            "[pruning]\nblock_size = [1]",
            "is [1], and should be a list of two whole numbers",
            "[1, 4]",
        ),
        ("[pruning]\nblock_size = [1, 2, 3]", "should be a list of two whole numbers", "[1, 4]"),
        ("[pruning]\nblock_size = [1, 2.5]", "should be a list of two whole numbers", "[1, 4]"),
        ("[pruning]\nblock_size = [0, 1]", "two numbers of at least 1, not [0, 1]", ""),
        (
            "[pruning]\nlayers = ['a']",
            "should be a table of names and numbers",
            '{ "head*" = 0.5 }',
        ),
        ("[pruning]\nlayers = { 'a*' = 'x' }", 'layers."a*" is "x", and should be a number', "0.5"),
        ("[pruning]\nsparse_encoding = 1", "1, and should be true or false", "= true"),
        ("[clustering]\nclusters = 4.0", "4.0, and should be a whole number", "clusters = 4"),
        ("[clustering]\nlayers = { a = 1 }", "layers.a must be 0 or at least 2, not 1", ""),
        (f"[clustering]\nclusters = {10**20}", "clusters must be at most", ""),
        ("[distillation]\nteachers = 't.keras'", "a list of texts in quotes", '["t.keras"]'),
        ("[distillation]\nteachers = ['a', 1]", "element 2 of distillation.teachers is 1", '"1"'),
        ("[distillation]\nfeatures = [['a']]", "should be a list of two texts", '["a", "b"]'),
        ("[distillation]\nfeatures = 'a'", "should be a list of pairs of texts", '[["a", "b"]]'),
        ("[fine_tune]\nseed = -1", "seed must lie between 0 and 4294967295, not -1", ""),
        ("description = 2020-01-01", "is 2020-01-01, and should be a text", '"2020-01-01"'),
        ("[distillation]\nteachers = 2020-01-01", "teachers is 2020-01-01, and should be", ""),
        ("[quantization]\nfloat_layers = ['(']", "'(', which is no regular expression", ""),
        ("sparsity = 0.5", "no key 'sparsity'", "'sparsity' belongs under [pruning]"),
        ("[pruning]\nsparsity = 0.5\nsparsity = 0.6", "the same key stands there twice", "one of"),
        ("[pruning]\n[pruning]", "the same section begins twice (line 2", "one heading"),
        ("[pruning]\nsparsity = .8", "a value is missing or is none (line 2", "0.8"),
        ("[pruning]\nsparsity = 0,8", "something follows a value (line 2", "decimals as 0.8"),
        ("pruning", "there is no '=' after a key", "key = value"),
        ("a = " + "9" * 5000, "is not TOML", ""),
    ],
)
def test_errors_say_what_was_given_and_what_to_write(text: str, message: str, hint: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text, where="mine.toml", default_name="mine")
    assert str(caught.value).startswith("mine.toml")
    assert message in str(caught.value)
    assert hint in (caught.value.hint or "")


WRONG = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.dates()),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=4,
)
PLACES = [
    (section.name, key.name)
    for section in fields(Recipe)
    for key in fields(section_of(section.name))
]


@given(st.sampled_from(PLACES), WRONG)
def test_no_wrong_value_is_told_in_the_words_of_a_library(
    place: tuple[str, str], value: Any
) -> None:
    section, key = place
    data = {section: {key: value}} if section_of(section) is not Recipe else {key: value}
    try:
        _recipe(data, where="mine.toml", default_name="mine")
    except RecipeError as error:
        assert str(error).startswith("mine.toml: ")
        assert "nput should" not in str(error)
        assert "a valid" not in str(error)


def test_files_that_are_no_text_and_files_with_a_mark_of_windows(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(b"\xef\xbb\xbf[pruning]\n")
    assert read_recipe(file).pruning == Pruning()
    file.write_bytes(b'description = "\xe4"')
    with pytest.raises(RecipeError, match="no text in UTF-8"):
        read_recipe(file)
    with pytest.raises(RecipeError, match="cannot be read: No such file or directory\\.$"):
        read_recipe(tmp_path / "nowhere.toml")
