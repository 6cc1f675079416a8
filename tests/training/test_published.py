"""Checkpoints of others: their names, what wraps them, what is refused."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from speechlrp.errors import SpeechLRPError
from speechlrp.training.published import load_published, pick_classes, read_published


class Code:
    """Something that is no tensor and needs its class to be loaded."""


def tensors(*names):
    return {name: torch.full((2,), float(k)) for k, name in enumerate(names)}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda weights: weights,
        lambda weights: {"state_dict": weights, "epoch": 3},
        lambda weights: {"model_state_dict": weights, "optimizer_state_dict": {"lr": 0.1}},
        lambda weights: {"model": {"state_dict": weights}},
    ],
)
def test_weights_are_found_in_what_holds_them(wrap, tmp_path):
    weights = tensors("conv1.weight", "bn1.bias")
    torch.save(wrap(weights), tmp_path / "a.pt")
    found = read_published(tmp_path / "a.pt")
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[name], weights[name]) for name in weights)


def test_safetensors(tmp_path):
    save_file(tensors("module.conv1.weight"), tmp_path / "a.safetensors")
    assert list(read_published(tmp_path / "a.safetensors")) == ["conv1.weight"]


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("conv1.weight", "conv1.weight"),
        ("module.layer1.0.bn1.bias", "layer1.0.bn1.bias"),
        ("module.projection.weight", "projection.weight"),
        ("__S__.layer4.2.se.fc.0.weight", "layer4.2.se.fc.0.weight"),
        ("module.__S__.fc.bias", "fc.bias"),
        ("__L__.fc.weight", "output.weight"),
        ("__L__.softmax.fc.bias", "output.bias"),
        ("__L__.weight", "output.weight"),
    ],
)
def test_what_wraps_a_model_is_left_out_of_its_names(name, ours, tmp_path):
    torch.save(tensors(name), tmp_path / "a.model")
    assert list(read_published(tmp_path / "a.model")) == [ours]


def test_what_is_no_weight_of_the_network_is_left_out(tmp_path):
    names = ("__S__.torchfb.0.flipped_filter", "__S__.instancenorm.weight", "__L__.ce.weight")
    torch.save(tensors(*names, "__S__.fc.bias") | {"epoch": 3}, tmp_path / "a.model")
    assert list(read_published(tmp_path / "a.model")) == ["fc.bias"]


def test_a_last_layer_that_lies_on_its_side_is_turned(tmp_path):
    torch.save({"__L__.W": torch.arange(6.0).view(2, 3)}, tmp_path / "a.model")
    assert read_published(tmp_path / "a.model")["output.weight"].tolist() == [
        [0, 3],
        [1, 4],
        [2, 5],
    ]


def test_a_users_own_names_stay(tmp_path):
    torch.save(tensors("__S__.fc.bias", "model.conv1.weight"), tmp_path / "a.pt")
    assert list(read_published(tmp_path / "a.pt", rename=False)) == [
        "__S__.fc.bias",
        "model.conv1.weight",
    ]


WRAPPED = {
    "as it is": "{}",
    "in parallel": "module.{}",
    "in parallel, twice": "module.module.{}",
    "compiled": "_orig_mod.{}",
    "compiled, in parallel": "module._orig_mod.{}",
    "by Lightning": "net.{}",
}


@pytest.mark.parametrize("name", WRAPPED)
def test_what_wraps_a_model_is_left_out(tmp_path, name):
    given = {
        WRAPPED[name].format(key): value for key, value in nn.Linear(2, 3).state_dict().items()
    }
    torch.save({"state_dict": given}, tmp_path / "b.pt")
    model = nn.Linear(2, 3)
    load_published(model, read_published(tmp_path / "b.pt", rename=False), tmp_path, "mine")
    for key, value in model.state_dict().items():
        torch.testing.assert_close(value, given[WRAPPED[name].format(key)])


@pytest.mark.parametrize(
    "names", [["a.weight", "b.bias"], ["weight", "b.bias"], ["x", "y"], ["a.x"]]
)
def test_what_is_another_model_is_named(tmp_path, names):
    with pytest.raises(SpeechLRPError, match="does not fit model mine: missing: bias"):
        load_published(nn.Linear(2, 3), tensors(*names), tmp_path, "mine")


def test_a_file_that_needs_code_is_refused(tmp_path):
    torch.save({"model": Code()}, tmp_path / "a.pt")
    with pytest.raises(SpeechLRPError, match=r"a\.pt: it needs code .* refused; save the weights"):
        read_published(tmp_path / "a.pt")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.pt", None, "no weights at .*model.weights"),
        ("a.pt", b"", "it is empty"),
        ("a.pt", b"something else", "truncated, or not a file of torch.save"),
        ("a.pt", b"\x80\x02.", "truncated, or not a file of torch.save"),
        ("a.pt", b"version https://git-lfs.github.com/spec/v1\n", "Git-LFS pointer"),
        ("a.pt", b"<!DOCTYPE html>", "HTML page"),
        ("a.safetensors", b"12", "truncated or not safetensors"),
        ("a.safetensors", b"<html>", "HTML page"),
    ],
)
def test_what_cannot_be_read_is_one_line(name, content, words, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SpeechLRPError, match=words) as error:
        read_published(tmp_path / name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_cut_off_file_is_one_line(legacy, tmp_path):
    weights = {"conv1.weight": torch.ones(30, 4)}
    torch.save(weights, tmp_path / "a.pt", _use_new_zipfile_serialization=not legacy)
    content = (tmp_path / "a.pt").read_bytes()
    for end in range(1, len(content), 7):
        (tmp_path / "a.pt").write_bytes(content[:end])
        with pytest.raises(SpeechLRPError, match=r"cannot read .*a\.pt: ") as error:
            read_published(tmp_path / "a.pt")
        assert "\n" not in str(error.value)


def test_a_flipped_bit_is_noticed(tmp_path):
    values = torch.arange(100.0)
    torch.save({"conv1.weight": values}, tmp_path / "a.pt")
    content = bytearray((tmp_path / "a.pt").read_bytes())
    content[content.index(values.numpy().tobytes()[:64]) + 40] ^= 1
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(SpeechLRPError, match=r"damaged: the checksum of .* does not hold"):
        read_published(tmp_path / "a.pt")


def test_weights_that_are_not_finite_are_refused(tmp_path):
    torch.save({"conv1.weight": torch.tensor([1.0, float("nan")])}, tmp_path / "a.pt")
    with pytest.raises(SpeechLRPError, match=r"conv1\.weight is not finite in 1 of 2 places"):
        read_published(tmp_path / "a.pt")


def test_tensors_that_are_not_dense_are_refused(tmp_path):
    torch.save({"conv1.weight": torch.eye(3).to_sparse()}, tmp_path / "a.pt")
    with pytest.raises(SpeechLRPError, match=r"conv1\.weight is sparse or quantised"):
        read_published(tmp_path / "a.pt")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_script_is_refused_with_the_way_to_its_weights(tmp_path):
    torch.jit.script(nn.Linear(2, 2)).save(str(tmp_path / "a.pt"))
    with pytest.raises(SpeechLRPError, match=r"TorchScript.*state_dict\(\).*model=custom"):
        read_published(tmp_path / "a.pt")


@pytest.mark.parametrize("content", [{"epoch": 3}, {"state_dict": {}}, [1, 2]])
def test_a_file_without_weights_says_how_to_save_them(content, tmp_path):
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(SpeechLRPError, match=r"holds no weights; .*state_dict\(\)"):
        read_published(tmp_path / "a.pt")


def net():
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def test_weights_that_fit_are_taken_and_counters_may_be_absent(tmp_path):
    state = {name: one for name, one in net().state_dict().items() if "num_batches" not in name}
    model = net()
    load_published(model, state, tmp_path, "custom")
    for name, one in state.items():
        assert torch.equal(model.state_dict()[name], one)


def test_what_does_not_fit_is_named_with_its_shape(tmp_path):
    state = net().state_dict()
    state["0.weight"], state["more"] = torch.zeros(3, 5), torch.zeros(1)
    del state["1.bias"]
    with pytest.raises(SpeechLRPError) as error:
        load_published(net(), state, tmp_path / "a.pt", "custom")
    for words in (
        "a.pt does not fit model custom", "missing: 1.bias", "not known: more",
        "0.weight is [3, 5], not [3, 2]",
    ):  # fmt: skip
        assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("pool.linear1.weight", "wespeaker", "ASTP"),
        ("layer1.0.conv3.weight", "wespeaker", "bottleneck"),
        ("seg_2.weight", "wespeaker", "model.two_layers=true"),
        ("seg_1.weight", "resnet_se34", "set model=wespeaker"),
        ("layer1.0.se.fc.0.weight", "wespeaker", "set model=resnet_se34"),
        ("sap_linear.weight", "resnet_se34", "model.variant=fast"),
        ("other", "wespeaker", "options to the checkpoint's"),
    ],
)
def test_the_error_knows_what_would_fit(name, kind, words, tmp_path):
    with pytest.raises(SpeechLRPError, match=words):
        load_published(net(), tensors(name), tmp_path, kind)


WEIGHTS = {"weight": torch.arange(6.0).view(3, 2), "bias": torch.arange(3.0)}


def test_rows_of_the_datas_classes_by_name(tmp_path):
    found = pick_classes(WEIGHTS, ["c", "a"], ["a", "b", "c"], tmp_path)
    assert found["weight"].tolist() == [[4, 5], [0, 1]]
    assert found["bias"].tolist() == [2, 0]


def test_as_many_classes_need_no_names(tmp_path):
    assert pick_classes(WEIGHTS, list("xyz"), None, tmp_path).keys() == WEIGHTS.keys()


@pytest.mark.parametrize(
    "weights", [{"weight": torch.tensor(1.0)}, {**WEIGHTS, "bias": torch.zeros(2)}]
)
def test_a_last_layer_that_is_none(weights, tmp_path):
    with pytest.raises(SpeechLRPError, match="none of a row a class"):
        pick_classes(weights, list("xyz"), None, tmp_path)


@pytest.mark.parametrize(
    ("classes", "known", "words"),
    [
        ("abcd", None, "tells 3 classes apart, but the data has 4; .*centroids"),
        ("ab", None, "tells 3 classes apart, and the data has 2 .*model.speakers=FILE"),
        ("ab", "ab", "model.speakers names 2 classes, but .* tells 3 apart"),
        ("xa", "abc", "does not know 1 of the data's 2 classes: x"),
    ],
)
def test_classes_that_do_not_fit(classes, known, words, tmp_path):
    with pytest.raises(SpeechLRPError, match=words) as error:
        pick_classes(WEIGHTS, list(classes), known and list(known), tmp_path)
    assert "\n" not in str(error.value)
