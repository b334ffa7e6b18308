"""How riffle-tiny is sampled, and how long its stages train.

Training solves and imitates the noise schedules, and `riffle.json` hands them to the server.
"""

# Denoising steps of a preview. The student is distilled for exactly these: another number needs another
# student.
STUDENT_STEPS = 4
STUDENT_SHIFT = 2.0
# Denoising steps of a full render.
TEACHER_STEPS = 24
TEACHER_SHIFT = 2.0
# Classifier-free guidance of the teacher towards the prompt, and towards a reference picture.
GUIDANCE = 3.0
REFERENCE_GUIDANCE = 5.0

# Stage -> (steps, minutes of wall clock) on two CPU cores; a stage ends at whichever comes first.
BUDGETS: dict[str, tuple[int, float]] = {
    "vae": (12000, 48),
    "decoder": (3000, 8),
    "latents": (1, 0),
    "teacher": (12000, 44),
    "trajectories": (1000, 14),
    "transfer": (1, 0),
    "student": (4000, 16),
    "control": (1500, 5),
    "shards": (1, 0),
    "refiner": (4000, 45),
    "refiner-heads": (600, 10),
    "upsampling-decoder": (40_000, 60),
    "judge": (20_000, 6),
    "likeness": (20_000, 5),
    "weights": (1, 0),
}
