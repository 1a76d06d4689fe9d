#!/bin/bash
# A sweep over many machines: a job array, one shard of the seeds in each task.
#
#   sbatch --array=1-4 deploy/slurm.sh scenarios/quickstart.toml results --seeds 0..1000000
#
# Each task learns its shard from Slurm and writes into results/shard-N. When all are done:
#
#   rehearsal sweep merge results/shard-* --out results/merged
#
# A task that is requeued goes on where it was cut off. A task completes whatever its seeds found, and
# fails only if it could not run them; the exit code of `merge` is that of the whole sweep.
#SBATCH --job-name=rehearsal
#SBATCH --cpus-per-task=1
#SBATCH --requeue
#SBATCH --output=rehearsal-%A-%a.out

scenario=${1:?which scenario?}
results=${2:?which directory for the results?}
shift 2
: "${SLURM_ARRAY_TASK_ID:?start it with sbatch --array=1-N}"

exec "${REHEARSAL:-rehearsal}" sweep "$scenario" --jobs "$SLURM_CPUS_PER_TASK" --resume \
  --exit-zero --out "$results/shard-$SLURM_ARRAY_TASK_ID" "$@"
