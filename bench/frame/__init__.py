"""What every case uses: interleaved timing, tables with targets, the machine, data and peers."""
