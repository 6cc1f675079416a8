"""Trainings: their loops, loaders, checkpoints, metrics and callbacks."""

from speechlrp.registry import Interface, Registry

LOGGERS = Registry(
    "trainer.logger",
    {
        "tensorboard": "speechlrp.training.callbacks:TensorBoard",
        "mlflow": "speechlrp.training.callbacks:MLflow",
        "wandb": "speechlrp.training.callbacks:WandB",
    },
    Interface(
        "a class derived from speechlrp.training.callbacks:Callback",
        bases=("speechlrp.training.callbacks:Callback",),
        moments="on_",
    ),
)
"""What follows a training; made with a folder to write to, the run's name, and its settings."""
