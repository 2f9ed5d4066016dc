"""The data files as a whole: what a wrong digit would break."""

import pytest

from rorqual_engine.catalog import lookup

MODELS = lookup._model_facts()


def estimated_parameters(facts):
    """Parameters by the shapes of a decoder; all but Phi-2 gate their feed-forward. Norms and biases are left out."""
    attention = facts.hidden_size * facts.head_size * 2 * (facts.attention_heads + facts.kv_heads)
    experts = facts.experts
    width = experts.intermediate_size * experts.count if experts else facts.intermediate_size
    matrices = 2 if facts.name == "microsoft/phi-2" else 3
    feed_forward = matrices * facts.hidden_size * width
    embeddings = facts.vocabulary * facts.hidden_size * (1 if facts.tied_embeddings else 2)
    return facts.layers * (attention + feed_forward) + embeddings


@pytest.mark.parametrize("facts", MODELS, ids=lambda facts: facts.name)
def test_parameters_agree_with_the_shapes(facts):
    # 12 % covers MLA's low-rank projections, shared experts and image encoders.
    assert estimated_parameters(facts) == pytest.approx(facts.parameters, rel=0.12)


@pytest.mark.parametrize("facts", MODELS, ids=lambda facts: facts.name)
def test_heads_can_be_grouped(facts):
    assert facts.attention_heads % facts.kv_heads == 0


def test_no_name_means_two_models():
    names = [n.lower() for f in MODELS for n in (f.name, *f.aliases, *(v.name for v in f.variants))]
    assert sorted(set(names)) == sorted(names)


def test_there_are_as_many_as_promised():
    assert len(MODELS) >= 20
    assert len(lookup.gpu_products()) >= 15


def test_rules_of_an_engine_are_in_order_and_begin_at_zero():
    versions = [lookup.release(rule.since) for rule in lookup.runtime("vLLM").versions]
    assert versions == sorted(versions)
    assert versions[0] == (0, 0, 0)
