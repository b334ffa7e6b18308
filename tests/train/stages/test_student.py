"""The transfer of a teacher's weight delta to its student."""

import torch

from train.models.transformer import build_transformer
from train.stages.student import transfer_weight_delta


def test_a_student_moves_as_its_teacher_moved() -> None:
    torch.manual_seed(0)
    student, before, after = (build_transformer() for _ in range(3))
    moved = transfer_weight_delta(student, before, after)
    for name, value in student.state_dict().items():
        torch.testing.assert_close(moved[name] - value, after.state_dict()[name] - before.state_dict()[name])
    # A teacher that stayed as it was leaves the student as it is.
    for name, value in transfer_weight_delta(student, before, before).items():
        torch.testing.assert_close(value, student.state_dict()[name])
