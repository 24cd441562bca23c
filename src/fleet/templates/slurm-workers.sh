#!/bin/sh
# Ten workers on a Slurm cluster: sbatch slurm-workers.sh
# Each ends where no run waits. One whose time is up is told 60 seconds before: it hands its run over, from a checkpoint,
# and another one goes on. Asked for from where the study lies: rlpd study run NAME --nats "$RLPD_NATS"
#SBATCH --job-name=rlpd
#SBATCH --array=1-10
#SBATCH --time=24:00:00
#SBATCH --cpus-per-task=8
#SBATCH --mem=32G
#SBATCH --gpus-per-task=1
#SBATCH --signal=TERM@60
#SBATCH --requeue
#SBATCH --output=rlpd-%A-%a.log
: "${RLPD_NATS:=tls://nats.example.org:4222}"
: "${RLPD_CREDENTIALS:=$HOME/.config/rlpd/worker.creds}"
# Slurm's signal goes to the steps of a job, so that the worker is one.
exec srun npx rlpd worker --nats "$RLPD_NATS" --credentials "$RLPD_CREDENTIALS" \
  --exit-when-empty --work "${SLURM_TMPDIR:-${TMPDIR:-/tmp}}/rlpd-worker"
