"""Trainings: their loops, loaders, checkpoints, metrics and callbacks."""

from speechlrp.registry import Interface, Registry

LOGGERS = Registry(
    "trainer.logger",
    {
        "tensorboard": "speechlrp.training.loggers:TensorBoard",
        "mlflow": "speechlrp.training.loggers:MLflow",
        "wandb": "speechlrp.training.loggers:WandB",
    },
    Interface(
        "a class derived from speechlrp.training.callbacks:Callback",
        bases=("speechlrp.training.callbacks:Callback",),
    ),
)
"""What follows a training; made with a folder to write to, the run's name, and its settings."""
