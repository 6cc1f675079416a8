"""`trainer.logger`: one's own follows a training; another that is none is refused."""

OWN = """
from speechlrp.training.callbacks import Callback

class Log(Callback):
    def __init__(self, folder, name, settings):
        folder.mkdir()
        self.file = folder / "log.txt"
        self.write(name, settings["model"], settings["lr"])

    def write(self, *words):
        with self.file.open("a") as file:
            print(*words, file=file)

    def on_epoch(self, row):
        self.write("epoch", row["epoch"])

    def on_end(self):
        self.write("end")

class Other:
    pass
"""


def test_a_logger_of_ones_own(project, tmp_path, monkeypatch):
    (tmp_path / "own_logger_1.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    assert project.speechlrp("preprocess").returncode == 0
    settings = ("trainer.epochs=2",)
    done = project.speechlrp("train", "trainer.logger=own_logger_1:Log", settings=settings)
    assert done.returncode == 0, done.stderr
    (log,) = project.outputs.glob("*/train/logs/log.txt")
    first, *rest = log.read_text().splitlines()
    assert first == f"{log.parents[2].name} alexnet 0.001"
    assert rest == ["epoch 1", "epoch 2", "end"]
    for name, words in (("own_logger_1:Other", "derived from"), ("tensorbord", "tensorboard")):
        done = project.speechlrp("train", f"trainer.logger={name}", settings=settings)
        assert done.returncode == 1
        assert words in done.stderr.splitlines()[-1]
