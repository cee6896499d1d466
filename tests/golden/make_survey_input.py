"""Write survey_input.csv: an invented two-stage survey with unequal weights, missing answers and a stratum of one cluster.

Run: python tests/golden/make_survey_input.py
"""

from pathlib import Path

import numpy as np
import pandas as pd

rng = np.random.default_rng(20261124)
rows = []
for stratum in range(1, 8):
    for cluster in range(1, 2 if stratum == 7 else 3 + stratum % 2):
        level = rng.normal(0, 0.4)
        for _ in range(rng.integers(8, 25)):
            age = int(rng.integers(20, 90))
            share = 1 / (1 + np.exp(-(-1.8 + level + 0.02 * (age - 50))))
            rows.append(
                {
                    "stratum": stratum,
                    "cluster": cluster,
                    "clusters_in_stratum": 20 + stratum,
                    "weight": round(float(rng.gamma(4, 250)), 3),
                    "sex": "female" if rng.random() < 0.52 else "male",
                    "age_years": age,
                    "age_group": "20-39" if age < 40 else "40-59" if age < 60 else "60+",
                    "magnesium_mmol_l": round(float(rng.normal(0.82, 0.06)), 2) if rng.random() > 0.06 else None,
                    "cramps": int(rng.random() < share),
                }
            )
pd.DataFrame(rows).to_csv(Path(__file__).with_name("survey_input.csv"), index=False, lineterminator="\n")
