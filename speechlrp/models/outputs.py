"""What a network says, checked: numbers that are not finite are never counted."""

from torch import Tensor

from speechlrp.errors import SpeechLRPError


def check_outputs(outputs: Tensor, inputs: Tensor | None = None) -> Tensor:
    """Give a network's outputs, logits ``[B, ...]``, where all are finite; what decides asks here.

    A comparison with nan is false, so that argmax and probabilities would give a class. What the
    network was given is for the error; None: numbers that are finite.

    Raises:
        SpeechLRPError: some are not; says how many examples they belong to.
    """
    finite = outputs.isfinite()
    if bool(finite.all()):
        return outputs
    wrong = ~finite.flatten(1).all(1)
    value = outputs[~finite][0].item()
    advice = (
        "its inputs are, so the weights have grown too large: train again with a lower trainer.lr "
        "or with trainer.clip=1"
        if inputs is None or bool(inputs.isfinite().all())
        else "nor are its inputs: make the features again with `speechlrp preprocess --force`"
    )
    raise SpeechLRPError(
        f"the network's outputs are not finite (such as {value}) for {int(wrong.sum())} of "
        f"{len(outputs)} examples; {advice}"
    )
